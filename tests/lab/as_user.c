// SPDX-License-Identifier: GPL-2.0-only
/* as_user UID DEVICE COMMAND...: run COMMAND as a plain user in a group of its
 * own; DEVICE, if not empty, belongs to that group meanwhile. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned int id;

	if (argc < 4)
		return 2;
	id = (unsigned int)atoi(argv[1]);
	if (argv[2][0] && (chown(argv[2], 0, id) || chmod(argv[2], 0660))) {
		perror(argv[2]);
		return 1;
	}
	if (!argv[2][0] && (chown("/dev/vmm", 0, 0) || chmod("/dev/vmm", 0660))) {
		perror("/dev/vmm");
		return 1;
	}
	if (setgroups(0, NULL) || setgid(id) || setuid(id)) {
		perror("as_user");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
