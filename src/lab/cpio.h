/* SPDX-License-Identifier: GPL-2.0-only */
/* An initramfs: a cpio archive in the "newc" format (kernel: initramfs buffer format). */
#ifndef VMMTRACE_LAB_CPIO_H
#define VMMTRACE_LAB_CPIO_H

#include <stddef.h>
#include <stdint.h>

struct cpio_node {
	char *path;		/* without a leading slash */
	char *source;		/* file to read the contents from, or NULL */
	char *data;		/* contents, or a link's target */
	size_t size;		/* of data */
	uint32_t mode;		/* type and permission bits */
	uint32_t major, minor;	/* of a device */
};

struct cpio {
	struct cpio_node *nodes;
	size_t nr_nodes;
};

/*
 * Each adds one entry at the absolute @path, and the directories that lead there. An entry that has
 * that path already is replaced. Return 0 or -ENOMEM.
 */
int cpio_add_dir(struct cpio *cpio, const char *path, uint32_t mode);
int cpio_add_data(struct cpio *cpio, const char *path, uint32_t mode, const void *data, size_t size);
int cpio_add_link(struct cpio *cpio, const char *path, const char *target);
int cpio_add_char_device(struct cpio *cpio, const char *path, uint32_t mode, uint32_t major,
			 uint32_t minor);
/* The contents of @source are read when the archive is written. */
int cpio_add_file(struct cpio *cpio, const char *path, uint32_t mode, const char *source);

/*
 * Writes the archive. Equal entries give an equal file, in whatever order they were added: sorted
 * by path, inodes numbered in that order, owned by root, dated 1970. Says what went wrong on
 * stderr. Returns 0 or a negative errno.
 */
int cpio_write(struct cpio *cpio, const char *filename);
void cpio_destroy(struct cpio *cpio);

#endif
