/* SPDX-License-Identifier: GPL-2.0-only */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int boot_fail(char msg[MACHINE_MSG], int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(msg, MACHINE_MSG, format, ap);
	va_end(ap);
	return err;
}

int image_open(struct image *img, const char *path, char msg[MACHINE_MSG])
{
	struct stat st;
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0) {
		err = -errno;
		return boot_fail(msg, err, "%s: %s", path, strerror(-err));
	}
	if (fstat(fd, &st) < 0) {
		err = boot_fail(msg, -errno, "%s: %s", path, strerror(errno));
		goto close;
	}
	if (!S_ISREG(st.st_mode)) {
		err = boot_fail(msg, -EINVAL, "%s: not a regular file; name an image file", path);
		goto close;
	}
	if (!st.st_size) {
		err = boot_fail(msg, -EINVAL, "%s: the file is empty; name an image file", path);
		goto close;
	}
	*img = (struct image){ .path = path, .fd = fd, .size = st.st_size };
	return 0;
close:
	close(fd);
	return err;
}

void image_close(struct image *img)
{
	if (img->fd >= 0)
		close(img->fd);
	img->fd = -1;
}

int image_read(const struct image *img, uint64_t offset, void *buf, uint64_t len,
	       char msg[MACHINE_MSG])
{
	char *to = buf;

	if (offset > img->size || len > img->size - offset)
		goto truncated;
	while (len) {
		ssize_t n = pread(img->fd, to, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return boot_fail(msg, -errno, "%s: %s", img->path, strerror(errno));
		if (n == 0)
			goto truncated;
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
truncated:
	return boot_fail(msg, -EINVAL, "%s: truncated: it ends before byte %llu; copy it again",
			 img->path, (unsigned long long)(offset + len));
}

int image_load(const struct image *img, struct guest_memory *mem, uint64_t offset,
	       uint64_t filesize, uint64_t gpa, uint64_t memsize, char msg[MACHINE_MSG])
{
	int err = guest_claim(mem, gpa, memsize);
	char *to;

	if (err == -EFAULT)
		return boot_fail(msg, -ENOMEM,
				 "%s: needs %llu KiB of memory at 0x%llx, where the guest has "
				 "none; give it more memory",
				 img->path, (unsigned long long)(memsize + 1023) >> 10,
				 (unsigned long long)gpa);
	if (err)
		return boot_fail(msg, -EINVAL,
				 "%s: its parts overlap at 0x%llx, or are too many; is it damaged?",
				 img->path, (unsigned long long)gpa);
	if (!memsize)
		return 0;
	to = guest_ptr(mem, gpa, memsize);
	err = image_read(img, offset, to, filesize, msg);
	if (!err)
		memset(to + filesize, 0, memsize - filesize);
	return err;
}
