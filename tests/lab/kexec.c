/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kexec KERNEL INITRD: loads the kernel that comes next, with this one's command
 * line, and goes there; with --panic it is the one to start in a crash, and
 * nothing happens yet. Debian's kexec-tools would change how the machine that
 * runs the tests reboots.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int panic = argc > 1 && !strcmp(argv[1], "--panic"), kernel, initrd, fd;
	char line[4096];
	ssize_t n;

	if (argc != 3 + panic)
		return 2;
	kernel = open(argv[1 + panic], O_RDONLY);
	initrd = open(argv[2 + panic], O_RDONLY);
	fd = open("/proc/cmdline", O_RDONLY);
	n = read(fd, line, sizeof(line));
	if (kernel < 0 || initrd < 0 || n < 1) {
		perror("kexec");
		return 1;
	}
	line[n - 1] = '\0';
	if (syscall(SYS_kexec_file_load, kernel, initrd, (unsigned long)n, line,
		    panic ? KEXEC_FILE_ON_CRASH : 0UL)) {
		perror("kexec_file_load");
		return 1;
	}
	if (panic)
		return 0;
	sync();
	reboot(RB_KEXEC);
	perror("reboot");
	return 1;
}
