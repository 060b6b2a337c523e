/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/lab/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/lab/internal.h"

static struct cpio_node *find_node(const struct cpio *cpio, const char *path)
{
	for (size_t i = 0; i < cpio->nr_nodes; i++)
		if (!strcmp(cpio->nodes[i].path, path))
			return &cpio->nodes[i];
	return NULL;
}

static void empty_node(struct cpio_node *node)
{
	free(node->source);
	free(node->data);
	*node = (struct cpio_node){ .path = node->path };
}

/* Returns the node of @path, new or emptied, its parents added before; NULL without memory. */
static struct cpio_node *add_node(struct cpio *cpio, const char *path, uint32_t mode)
{
	struct cpio_node *nodes, *node;
	char *copy, *slash;

	while (path[0] == '/' && path[1])
		path++;
	if (!strcmp(path, "/"))
		path = ".";
	node = find_node(cpio, path);
	if (node) {
		empty_node(node);
		node->mode = mode;
		return node;
	}
	copy = strdup(path);
	if (!copy)
		return NULL;
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		if (!find_node(cpio, copy) && !add_node(cpio, copy, S_IFDIR | 0755))
			goto free_copy;
		*slash = '/';
	}
	nodes = reallocarray(cpio->nodes, cpio->nr_nodes + 1, sizeof(*nodes));
	if (!nodes)
		goto free_copy;
	cpio->nodes = nodes;
	node = &nodes[cpio->nr_nodes++];
	*node = (struct cpio_node){ .path = copy, .mode = mode };
	return node;

free_copy:
	free(copy);
	return NULL;
}

int cpio_add_dir(struct cpio *cpio, const char *path, uint32_t mode)
{
	return add_node(cpio, path, S_IFDIR | mode) ? 0 : -ENOMEM;
}

static int add_contents(struct cpio *cpio, const char *path, uint32_t mode, const void *data,
			size_t size)
{
	struct cpio_node *node = add_node(cpio, path, mode);

	if (!node)
		return -ENOMEM;
	node->data = malloc(size + 1);
	if (!node->data)
		return -ENOMEM;
	memcpy(node->data, data, size);
	node->size = size;
	return 0;
}

int cpio_add_data(struct cpio *cpio, const char *path, uint32_t mode, const void *data, size_t size)
{
	return add_contents(cpio, path, S_IFREG | mode, data, size);
}

int cpio_add_link(struct cpio *cpio, const char *path, const char *target)
{
	return add_contents(cpio, path, S_IFLNK | 0777, target, strlen(target));
}

int cpio_add_char_device(struct cpio *cpio, const char *path, uint32_t mode, uint32_t major,
			 uint32_t minor)
{
	struct cpio_node *node = add_node(cpio, path, S_IFCHR | mode);

	if (!node)
		return -ENOMEM;
	node->major = major;
	node->minor = minor;
	return 0;
}

int cpio_add_file(struct cpio *cpio, const char *path, uint32_t mode, const char *source)
{
	struct cpio_node *node = add_node(cpio, path, S_IFREG | mode);

	if (!node)
		return -ENOMEM;
	node->source = strdup(source);
	return node->source ? 0 : -ENOMEM;
}

static void pad4(FILE *to, size_t written)
{
	fwrite("\0\0\0", 1, -written & 3, to);
}

/* Fields of the header: inode, mode, uid, gid, links, mtime, size, device, rdev, name, check. */
static void write_entry(FILE *to, const struct cpio_node *node, unsigned int inode)
{
	size_t name_size = strlen(node->path) + 1;
	int header = fprintf(to, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
			     inode, node->mode, 0, 0, S_ISDIR(node->mode) ? 2 : 1, 0, node->size,
			     0, 0, node->major, node->minor, name_size, 0);

	fwrite(node->path, 1, name_size, to);
	pad4(to, header + name_size);
	if (node->size)
		fwrite(node->data, 1, node->size, to);
	pad4(to, node->size);
}

static int write_node(FILE *to, struct cpio_node *node, unsigned int inode)
{
	int err;

	if (node->source) {
		err = lab_read_file(node->source, &node->data, &node->size);
		if (err) {
			lab_error("%s: %s", node->source, strerror(-err));
			return err;
		}
	}
	write_entry(to, node, inode);
	if (node->source) {
		free(node->data);
		node->data = NULL;
	}
	return 0;
}

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct cpio_node *)a)->path, ((const struct cpio_node *)b)->path);
}

int cpio_write(struct cpio *cpio, const char *filename)
{
	struct cpio_node trailer = { .path = (char *)"TRAILER!!!" };
	FILE *to = fopen(filename, "we");
	int err = 0;

	if (!to) {
		err = -errno;
		lab_error("%s: %s", filename, strerror(-err));
		return err;
	}
	/* A directory's name is a prefix of what it holds, so it sorts before that. */
	qsort(cpio->nodes, cpio->nr_nodes, sizeof(*cpio->nodes), compare_nodes);
	for (size_t i = 0; i < cpio->nr_nodes && !err; i++)
		err = write_node(to, &cpio->nodes[i], i + 1);
	write_entry(to, &trailer, 0);
	if (ferror(to) | fclose(to) && !err) {
		err = -EIO;
		lab_error("%s: cannot be written; is the disk full?", filename);
	}
	return err;
}

void cpio_destroy(struct cpio *cpio)
{
	for (size_t i = 0; i < cpio->nr_nodes; i++) {
		empty_node(&cpio->nodes[i]);
		free(cpio->nodes[i].path);
	}
	free(cpio->nodes);
	*cpio = (struct cpio){ 0 };
}
