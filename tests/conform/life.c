// SPDX-License-Identifier: GPL-2.0-only
/* How long a VM lives: files, processes, fork, exec, descriptors passed on, the module. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

GUEST(64, tell, "1: out %al, $0x80\n jmp 1b\n");
GUEST(64, forever, FOREVER);

void life_close(void)
{
	int fd = device();

	create_small(fd);
	create_small(fd);
	EXPECT_EQ(vms(), 2);
	close(fd);
	EXPECT_EQ(vms(), 0);
}

void life_dup(void)
{
	int fd = device(), copy = dup(fd);
	uint32_t id = create_small(fd);

	close(fd);
	EXPECT_EQ(vms(), 1);
	MUST(intr(copy, id, 0, 0));
	close(copy);
	EXPECT_EQ(vms(), 0);
}

static int create_and_exit(void *arg)
{
	(void)arg;
	create_small(device());
	EXPECT_EQ(vms(), 1);
	return 0;
}

void life_exit(void)
{
	EXPECT_EQ(in_child(create_and_exit, NULL), 0);
	EXPECT_EQ(vms(), 0);
}

static int run_forever(void *arg)
{
	struct guest g;

	(void)arg;
	START(&g, LONG, forever);
	run(&g);
	return 0;
}

static bool any_running(void)
{
	struct vm_info_result vir;
	int fd = device();
	size_t n = info(fd, &vir, 1);

	close(fd);
	return n && vir.vir_vcpu_state[0] == VCPU_STATE_RUNNING;
}

void life_kill(void)
{
	int pid = start_child(run_forever, NULL);

	EVENTUALLY(any_running());
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
	EXPECT_EQ(vms(), 0);
}

/* ---- fork ---- */

static int just_exit(void *arg)
{
	(void)arg;
	return 0;
}

void life_fork_child_exits(void)
{
	struct guest g;

	START(&g, LONG, tell);
	EXPECT_EQ(in_child(just_exit, NULL), 0);
	run_to_out(&g);
}

/* What a process may do that has the file, but is not the creator. */
static int use_it(void *arg)
{
	struct guest *g = arg;
	struct vm_sharemem_params vsp = share_params(g);

	EXPECT_ERR(run_once(g), EPERM);
	regs_of(g);
	MUST(intr(g->fd, g->id, 0, 1));
	MUST(intr(g->fd, g->id, 0, 0));
	MUST(reset_to(g, &(struct vcpu_reg_state){ .vrs_gprs[VCPU_REGS_RFLAGS] = RFLAGS_ONE }));
	MUST(call(g->fd, VMM_IOC_SHAREMEM, &vsp));
	g->ram = (uint8_t *)(uintptr_t)vsp.vsp_va[0];
	LOAD(g, tell);
	MUST(reset(g, LONG));
	return 0;
}

void life_fork_child_uses(void)
{
	struct guest g;

	make(&g, 1);
	EXPECT_EQ(in_child(use_it, &g), 0);
	run_to_out(&g);
}

static int term_it(void *arg)
{
	struct guest *g = arg;

	return term(g->fd, g->id);
}

void life_fork_child_terminates(void)
{
	struct guest g;

	START(&g, LONG, tell);
	EXPECT_EQ(in_child(term_it, &g), 0);
	EXPECT_ERR(run_once(&g), ENOENT);
}

static int pipe_fd[2];

static int wait_for_pipe(void *arg)
{
	char byte;

	(void)arg;
	close(pipe_fd[1]);
	return read(pipe_fd[0], &byte, 1) == 0 ? 0 : 1;
}

/* The creator has closed it, a child still has it. */
void life_fork_parent_closes(void)
{
	struct guest g;
	int pid;

	make(&g, 1);
	EXPECT(!pipe(pipe_fd));
	pid = start_child(wait_for_pipe, NULL);
	close(g.fd);
	EXPECT_EQ(vms(), 1);
	close(pipe_fd[1]);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_EQ(vms(), 0);
}

/* Until it execs or exits, a child of vfork() is in its parent's address space. */
void life_vfork(void)
{
	struct guest g;
	pid_t pid;
	int status;

	START(&g, LONG, tell);
	pid = vfork();
	if (!pid)
		_exit(run_once(&g));
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(status, 0);
}

/* ---- exec ---- */

/* conform --after-exec FD ID: what is left of a VM in the program that its
 * creator became. The number of the first thing that is not as it should be. */
int life_after_exec(int fd, uint32_t id)
{
	struct vcpu_reg_state regs = {};
	struct guest g = { .fd = fd, .id = id };
	struct vm_info_params vip = {};

	if (fcntl(fd, F_GETFD) < 0) {
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		return call(fd, VMM_IOC_INFO, &vip) || vip.vip_size ? 1 : 0;
	}
	if (run_once(&g) != EPERM)
		return 2;
	if (readregs(fd, id, 0, VM_RWREGS_ALL, &regs))
		return 3;
	return term(fd, id) ? 4 : 0;
}

static int exec_with(int flags)
{
	int fd = open(DEVICE, O_RDWR | flags);
	char number[2][16], *args[] = { "conform", "--after-exec", number[0], number[1], NULL };

	EXPECT(fd >= 0);
	snprintf(number[0], sizeof(number[0]), "%d", fd);
	snprintf(number[1], sizeof(number[1]), "%u", create_small(fd));
	execv("/proc/self/exe", args);
	return 100;
}

static int exec_open(void *arg)
{
	(void)arg;
	return exec_with(0);
}

static int exec_cloexec(void *arg)
{
	(void)arg;
	return exec_with(O_CLOEXEC);
}

void life_exec_cloexec(void)
{
	EXPECT_EQ(in_child(exec_cloexec, NULL), 0);
	EXPECT_EQ(vms(), 0);
}

void life_exec_open(void)
{
	EXPECT_EQ(in_child(exec_open, NULL), 0);
	EXPECT_EQ(vms(), 0);
}

/* ---- passed on ---- */

static int sockets[2];

static void send_fd(int socket, int fd, uint32_t id)
{
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &id, sizeof(id) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	EXPECT(sendmsg(socket, &msg, 0) == sizeof(id));
}

static int receive_fd(int socket, uint32_t *ret_id)
{
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { ret_id, sizeof(*ret_id) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd;

	EXPECT(recvmsg(socket, &msg, 0) == sizeof(*ret_id));
	EXPECT(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int receive_and_use(void *arg)
{
	struct guest g = {};
	char byte = 0;

	(void)arg;
	g.fd = receive_fd(sockets[1], &g.id);
	use_it(&g);
	EXPECT(write(sockets[1], &byte, 1) == 1);
	EXPECT(read(sockets[1], &byte, 1) == 1);
	return term(g.fd, g.id);
}

/* To a process that was there before: nothing of it is inherited. */
void life_passed(void)
{
	struct guest g;
	char byte = 0;
	int pid;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = start_child(receive_and_use, NULL);
	make(&g, 1);
	send_fd(sockets[0], g.fd, g.id);
	EXPECT(read(sockets[0], &byte, 1) == 1);
	g.mode = LONG;
	run_to_out(&g);
	EXPECT(write(sockets[0], &byte, 1) == 1);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_ERR(run_once(&g), ENOENT);
}

/* On its way, in a socket, a file is as good as open. */
void life_in_flight(void)
{
	uint32_t id;
	int fd;

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	fd = device();
	send_fd(sockets[0], fd, create_small(fd));
	close(fd);
	EXPECT_EQ(vms(), 1);
	fd = receive_fd(sockets[1], &id);
	MUST(intr(fd, id, 0, 0));
	close(fd);
	EXPECT_EQ(vms(), 0);
}

/* ---- close() while the guest runs ---- */

void life_close_running(void)
{
	pthread_t thread;
	struct guest g;

	START(&g, LONG, forever);
	run_in_thread(&g, &thread);
	EVENTUALLY(is_running(&g));
	close(g.fd);
	pause_ms(10);
	EXPECT(any_running());
	MUST(interrupt(&g, thread));
	EVENTUALLY(vms() == 0);
}

/* ---- the module ---- */

static bool unload_refused(void)
{
	return syscall(SYS_delete_module, "vmm", O_NONBLOCK) && errno == EWOULDBLOCK;
}

void life_module_open(void)
{
	device();
	EXPECT(unload_refused());
}

void life_module_vm(void)
{
	create_small(device());
	EXPECT(unload_refused());
}

/* Its pages are the module's. */
void life_module_mapped(void)
{
	struct guest g;

	make(&g, 1);
	MUST(term(g.fd, g.id));
	close(g.fd);
	EXPECT(unload_refused());
	g.ram[0] = 1;
}
