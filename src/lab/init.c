/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lab-init: process 1 of an emulated host.
 *
 * Statically linked; the only program that `vmmtrace lab` needs on the host. It reads /lab/config
 * (NUL-terminated "key=value" strings), mounts what a host has mounted, loads modules, runs the
 * command, sends its output, the files under /out and its exit status as frames, and powers off.
 */
#include <config.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/lab/frame.h"

#define CONFIG		"/lab/config"
#define MAX_ARGS	1024
#define MAX_MODULES	64
#define EXIT_NOT_FOUND	127
#define EXIT_NOT_EXECUTABLE 126

struct config {
	char *text;			/* what the strings below point into */
	char *modules[MAX_MODULES];	/* path, then its parameters after a space */
	char *args[MAX_ARGS];		/* NULL-terminated */
	unsigned int nr_modules, nr_args;
	bool out;			/* somebody wants the files under /out */
	bool disk;			/* the window is a disk */
};

/* frame.h: where the payloads go. Without either they follow their headers. */
static unsigned char *window;	/* LAB_WINDOW_SIZE bytes, or NULL where there is no such device */
static bool disk;

static void send_bytes(const void *data, size_t len)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(LAB_FRAME_PORT) : "memory");
}

static void disk_wait(unsigned char mask, unsigned char want)
{
	while ((inb(LAB_DISK_PORT + 7) & mask) != want)
		;
}

/* Writes a slot by the ATA command WRITE SECTORS (0x30); the kernel here has no driver for it. */
static void disk_write(unsigned int slot, const unsigned char *data, size_t len)
{
	unsigned int sectors = (len + LAB_DISK_SECTOR - 1) / LAB_DISK_SECTOR;
	unsigned int at = slot * LAB_DISK_SECTORS;

	if (!sectors)
		return;
	outb(2, LAB_DISK_CONTROL);			/* no interrupts */
	disk_wait(0x80, 0);				/* not busy */
	outb(0xe0 | (at >> 24 & 15), LAB_DISK_PORT + 6);	/* first drive, LBA */
	outb(sectors, LAB_DISK_PORT + 2);
	outb(at & 255, LAB_DISK_PORT + 3);
	outb(at >> 8 & 255, LAB_DISK_PORT + 4);
	outb(at >> 16 & 255, LAB_DISK_PORT + 5);
	outb(0x30, LAB_DISK_PORT + 7);
	for (; sectors; sectors--, data += LAB_DISK_SECTOR) {
		disk_wait(0x88, 0x08);			/* not busy, wants data */
		outsw(LAB_DISK_PORT, data, LAB_DISK_SECTOR / 2);
	}
	disk_wait(0x88, 0);
}

/* Sends one frame whose payload is @a and then @b. */
static void send_frame2(enum lab_frame_type type, const void *a, size_t a_len,
			const void *b, size_t b_len)
{
	static unsigned char payload[LAB_FRAME_MAX];
	static uint32_t seq;
	struct lab_frame frame = {
		.magic = LAB_FRAME_MAGIC, .type = type, .seq = seq, .length = a_len + b_len,
		.slot = window || disk ? seq % LAB_WINDOW_SLOTS : LAB_FRAME_INLINE,
	};
	uint32_t sum = lab_frame_sum(LAB_FRAME_SUM_INIT, &frame, sizeof(frame));

	seq++;
	sum = lab_frame_sum(sum, a, a_len);
	frame.sum = lab_frame_sum(sum, b, b_len);
	if (frame.slot != LAB_FRAME_INLINE) {
		unsigned char *slot = window ? window + (size_t)frame.slot * LAB_FRAME_MAX : payload;

		memcpy(slot, a, a_len);
		memcpy(slot + a_len, b, b_len);
		if (disk)
			disk_write(frame.slot, slot, frame.length);
	}
	send_bytes(&frame, sizeof(frame));
	if (frame.slot == LAB_FRAME_INLINE) {
		send_bytes(a, a_len);
		send_bytes(b, b_len);
	}
}

static void send_frame(enum lab_frame_type type, const void *data, size_t len)
{
	send_frame2(type, data, len, "", 0);
}

static _Noreturn void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static _Noreturn void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	send_frame(LAB_FRAME_FAIL, text, n);
	power_off();
}

/*
 * What is missing in the host's kernel (a debug kernel has no BPF, say) stays unmounted: the
 * command finds out by itself.
 */
static void mount_all(void)
{
	static const struct {
		const char *type, *where, *data;
	} mounts[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666" },
		{ "tmpfs", "/dev/shm", "mode=1777" },
		{ "tmpfs", "/tmp", "mode=1777" },
		{ "tmpfs", "/run", "mode=755" },
		{ "tracefs", "/sys/kernel/tracing", NULL },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "bpf", "/sys/fs/bpf", NULL },
		{ "cgroup2", "/sys/fs/cgroup", NULL },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].data);
	}
	mkdir("/out", 0777);
	chmod("/out", 01777);
}

static void set_names(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sethostname("lab", 3);
	if (fd >= 0) {
		ioctl(fd, SIOCSIFFLAGS, &ifr);
		close(fd);
	}
}

static bool file_has_line(const char *dir, const char *name, const char *line)
{
	char path[512], text[64] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && !strncmp(text, line, strlen(line));
}

static void map_window(const char *device)
{
	char path[512];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "%s/resource2", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	map = mmap(NULL, LAB_WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		window = map;
}

static void find_window(void)
{
	static const char devices[] = "/sys/bus/pci/devices";
	struct dirent *entry;
	DIR *dir = opendir(devices);
	char device[300];

	while (dir && (entry = readdir(dir))) {
		snprintf(device, sizeof(device), "%s/%s", devices, entry->d_name);
		if (file_has_line(device, "vendor", LAB_WINDOW_VENDOR) &&
		    file_has_line(device, "device", LAB_WINDOW_DEVICE))
			map_window(device);
	}
	if (dir)
		closedir(dir);
}

static void open_disk(void)
{
	if (ioperm(LAB_DISK_PORT, 8, 1) || ioperm(LAB_DISK_CONTROL, 1, 1))
		fail("ioperm: %s", strerror(errno));
	disk = true;
}

static void config_line(struct config *config, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		fail("%s: no value in '%s'", CONFIG, line);
	*value++ = '\0';
	if (!strcmp(line, "module") && config->nr_modules < MAX_MODULES)
		config->modules[config->nr_modules++] = value;
	else if (!strcmp(line, "arg") && config->nr_args < MAX_ARGS - 1)
		config->args[config->nr_args++] = value;
	else if (!strcmp(line, "out"))
		config->out = value[0] == '1';
	else if (!strcmp(line, "disk"))
		config->disk = value[0] == '1';
	else
		fail("too many of, or unknown in %s: %s", CONFIG, line);
}

static void config_read(struct config *config)
{
	int fd = open(CONFIG, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail("%s: %s", CONFIG, strerror(errno));
	config->text = calloc(1, st.st_size + 1);
	if (!config->text || read(fd, config->text, st.st_size) != st.st_size)
		fail("%s: cannot be read", CONFIG);
	close(fd);
	for (char *p = config->text; p < config->text + st.st_size; ) {
		char *next = p + strlen(p) + 1;

		config_line(config, p);
		p = next;
	}
}

static void load_module(char *module)
{
	char *params = strchr(module, ' ');
	const char *name;
	int fd;

	if (params)
		*params++ = '\0';
	name = strrchr(module, '/') + 1;
	fd = open(module, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", module, strerror(errno));
	if (syscall(SYS_finit_module, fd, params ? params : "", 0) && errno != EEXIST)
		fail("%s did not load: %s", name, strerror(errno));
	close(fd);
}

static pid_t start_command(char **args, int out_fd, int err_fd)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
	dup2(out_fd, 1);
	dup2(err_fd, 2);
	if (chdir("/root"))
		_exit(EXIT_NOT_EXECUTABLE);
	execvp(args[0], args);
	dprintf(2, "%s: %s\n", args[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Sends what can be read without waiting; false at the end of the stream. */
static bool forward(int fd, enum lab_frame_type type)
{
	static char buf[LAB_FRAME_MAX];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n > 0)
			send_frame(type, buf, n);
		else
			return n < 0;
	}
}

/* Waits for every child there is; true when @command was among them, its status in @ret_status. */
static bool reap(pid_t command, int *ret_status)
{
	bool seen = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		seen = true;
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return seen;
}

static int child_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Runs the command to its end; what it left running in the background is killed then. */
static int run_command(char **args)
{
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo info;
	int out[2], err[2], status = 0;
	pid_t pid;

	fds[2].fd = child_signals();
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) || pipe2(err, O_CLOEXEC | O_NONBLOCK))
		fail("pipe: %s", strerror(errno));
	/* Only our ends must not block: a command may not expect EAGAIN from its output. */
	fcntl(out[1], F_SETFL, 0);
	fcntl(err[1], F_SETFL, 0);
	send_frame(LAB_FRAME_READY, "", 0);
	pid = start_command(args, out[1], err[1]);
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	close(out[1]);
	close(err[1]);
	fds[0].fd = out[0];
	fds[1].fd = err[0];
	do {
		poll(fds, 3, -1);
		if (fds[0].fd >= 0 && fds[0].revents && !forward(out[0], LAB_FRAME_STDOUT))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents && !forward(err[0], LAB_FRAME_STDERR))
			fds[1].fd = -1;
		while (read(fds[2].fd, &info, sizeof(info)) > 0)
			;
	} while (!reap(pid, &status));
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	forward(out[0], LAB_FRAME_STDOUT);
	forward(err[0], LAB_FRAME_STDERR);
	return status;
}

static void send_file(const char *path, const char *name, const struct stat *st)
{
	struct lab_frame_file file = { .mode = st->st_mode & 0777, .size = st->st_size };
	static char buf[LAB_FRAME_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	send_frame2(LAB_FRAME_FILE, &file, sizeof(file), name, strlen(name));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		send_frame(LAB_FRAME_DATA, buf, n);
	if (n < 0)
		fail("%s: %s", path, strerror(errno));
	send_frame(LAB_FRAME_END, "", 0);
	close(fd);
}

static void send_tree(const char *dir, const char *prefix);

static void send_entry(const char *dir, const char *prefix, const char *entry)
{
	struct lab_frame_file file = { 0 };
	char path[4096], name[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, entry);
	snprintf(name, sizeof(name), "%s%s", prefix, entry);
	if (lstat(path, &st))
		fail("%s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		send_file(path, name, &st);
	} else if (S_ISDIR(st.st_mode)) {
		file.mode = st.st_mode & 0777;
		send_frame2(LAB_FRAME_DIR, &file, sizeof(file), name, strlen(name));
		strncat(name, "/", sizeof(name) - strlen(name) - 1);
		send_tree(path, name);
	} else {
		send_frame(LAB_FRAME_SKIPPED, name, strlen(name));
	}
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static void send_tree(const char *dir, const char *prefix)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, not_dots, alphasort);

	if (n < 0)
		fail("%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		send_entry(dir, prefix, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

int main(void)
{
	static struct config config;
	uint32_t status;

	if (getpid() != 1) {
		fputs("lab-init is process 1 of an emulated host; run vmmtrace lab\n", stderr);
		return 2;
	}
	mount_all();
	if (ioperm(LAB_FRAME_PORT, 1, 1)) {
		perror("lab-init: ioperm");
		power_off();
	}
	find_window();
	set_names();
	config_read(&config);
	clearenv();
	setenv("PATH", "/root:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C", 1);
	if (config.disk)
		open_disk();
	for (unsigned int i = 0; i < config.nr_modules; i++)
		load_module(config.modules[i]);
	status = run_command(config.args);
	if (config.out)
		send_tree("/out", "");
	send_frame(LAB_FRAME_STATUS, &status, sizeof(status));
	power_off();
}
