/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMs that are recorded, and exactly what of each: from one snapshot of a vCPU's
 * statistics, or its first exit, to the next snapshot. All that the module numbers
 * between the two was offered to the recorder, as its programs were attached before
 * the first and are until after the second; so what was counted between them is
 * recorded, filtered or lost, and nothing else is.
 *
 *	vms_open()		the sources are attached: from now on all is offered
 *	vms_look()		takes up VMs that are running
 *	vms_route()		what is to be done with a record; takes up VMs that are made
 *	vms_cut()		a snapshot of all vCPUs; what is beyond it comes later
 *	vms_totals()		of what lies between the last two
 *	vms_next()		from the last one on
 */
#ifndef RECORD_VMS_H
#define RECORD_VMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/collector/collector.h"
#include "src/record/select.h"
#include "src/record/snapshot.h"
#include "src/lib/libvmm.h"

struct vms_vcpu {
	const struct vmm_stats *stats;	/* NULL: it was gone before they could be mapped */
	struct vmm_stats *first;	/* what they were in the beginning; NULL: all 0 */
	uint64_t from;			/* exits before the recording */
	struct snapshot origin;		/* where it was taken up */
	struct snapshot begin, end;	/* without statistics: the last that was seen */
	uint64_t exits;			/* all it took, once it ended */
	uint64_t seen[VMMT_NCLASS];	/* without statistics: exits since begin */
};

struct vms_vm {
	uint32_t id;
	char name[VMM_MAX_NAME_LEN];
	pid_t pid;
	uint64_t memory;
	bool whole;			/* from its first exit on */
	bool fresh;			/* made behind the cut that is being made */
	bool ended, final;		/* final: when the last cut was made, too */
	uint64_t final_at;		/* number of the cut */
	unsigned int looks;		/* of vms_check(), since it ended */
	unsigned int nvcpus;
	struct vms_vcpu *vcpus;
};

/* One that was recorded, for the summary. */
struct vms_info {
	uint32_t id;
	char name[VMM_MAX_NAME_LEN];
	pid_t pid;
	uint64_t memory, exits;
	unsigned int nvcpus;
	bool whole, ended, blind;	/* blind: without statistics of its own */
};

struct vms {
	int fd;				/* of /dev/vmm */
	const struct select *select;
	struct snapshot_ops ops;
	struct vms_vm **vms;
	size_t nvms, recent;
	uint32_t *others;		/* VMs that are not to be recorded */
	size_t nothers;
	bool stranger;			/* one was met that is in neither: vms_look() */
	bool waiting;			/* VMs that ended may be asked for: vms_rewind() */
	bool cutting;
	uint64_t cuts;			/* so many were made */
	uint64_t cut_time;		/* TSC: clock records from here on are for both sides */
	bool nomem;
	/* Of VMs that ended since begin, and are forgotten. */
	struct collector_count gone[VMMT_NCLASS];
	struct collector_stream_end *gone_ends;
	size_t ngone_ends;
	struct vmm_stats sum;		/* of all that was recorded, once vms_close_all() */
	struct vms_info *infos;
	size_t ninfos;
};

/* Where a record belongs. */
enum vms_route { VMS_NOT, VMS_NOW, VMS_LATER, VMS_BOTH };

/* v->fd, select and ops are set, all else is 0. Returns when no CPU is in a
 * tracepoint that does not know the recorder's programs yet. */
void vms_open(struct vms *v);

/* Takes up running VMs that are selected and not known yet, from a snapshot on. The
 * collector is told where their streams begin, unless it is NULL. 0 or a negative
 * errno. */
int vms_look(struct vms *v, struct collector *c);

/* The VMs that the caller may see: a list to free, and how many. */
int vms_list(int fd, struct vm_info_result **ret, size_t *ret_count);

enum vms_route vms_route(struct vms *v, const union vmmt_record *rec, struct collector *c);

/* After the rings were read: those that ended some readings ago only count in the
 * totals any more. probe: ask whether others are gone without a record of it. */
void vms_check(struct vms *v, bool probe);

/* How many of them have not ended? */
size_t vms_running(const struct vms *v);

void vms_cut(struct vms *v);

/* Of what lies between begin and end, with a list of streams to free. 0 or -ENOMEM. */
int vms_totals(const struct vms *v, struct collector_totals *ret,
	       struct collector_stream_end **ret_streams);

/* end becomes begin; VMs that had ended are forgotten. */
void vms_next(struct vms *v);

/* Tells the collector where the streams begin. 0 or -ENOMEM. */
int vms_begin(const struct vms *v, struct collector *c);

/* Where the vCPUs were at the last cut: a list to give to vms_rewind(), or to be freed. */
struct vms_mark {
	uint32_t vm, vcpu;
	struct snapshot at;
	struct vmm_stats *stats;	/* NULL: all 0 */
};
int vms_marks(const struct vms *v, struct vms_mark **ret, size_t *ret_count);
void vms_free_marks(struct vms_mark *marks, size_t n);

/* The recording begins where the vCPUs were then; those taken up since, where they were
 * taken up. */
void vms_rewind(struct vms *v, struct vms_mark *marks, size_t n);

/* While waiting: VMs that had ended before that cut are not asked for any more. All of them
 * with UINT64_MAX, those that run as well. */
void vms_drop(struct vms *v, uint64_t cut);

/* All of them are added to sum and infos, and forgotten. */
void vms_close_all(struct vms *v);
void vms_free(struct vms *v);

#endif /* RECORD_VMS_H */
