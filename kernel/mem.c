// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. A range is either the module's own pages, given on first
 * touch and mapped into whoever has the VM's memory file mapped, or pages of
 * the creator, pinned for as long as the memory lives.
 *
 * Memory is counted apart from its VM: a mapping keeps it after the VM ended.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core.h"

#define LARGE_PAGES	(PMD_SIZE / PAGE_SIZE)
#define LARGE_ORDER	(PMD_SHIFT - PAGE_SHIFT)

static unsigned long range_npages(const struct vmm_range *range)
{
	return range->size >> PAGE_SHIFT;
}

static void range_release(struct vmm_range *range)
{
	unsigned long i;

	if (!range->pages)
		return;
	if (range->pinned) {
		for (i = 0; i < range_npages(range) && range->pages[i]; i++) {
			unpin_user_pages_dirty_lock(&range->pages[i], 1, true);
			cond_resched();
		}
	} else {
		for (i = 0; i < range_npages(range); i++) {
			if (range->pages[i])
				put_page(range->pages[i]);
			if (!(i % LARGE_PAGES))
				cond_resched();
		}
	}
	kvfree(range->pages);
	range->pages = NULL;
}

/* Last reference gone: unpin, free, give the locked-memory charge back. */
static void mem_free(struct vmm_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nranges; i++)
		range_release(&mem->ranges[i]);
	if (mem->locked_mm) {
		account_locked_vm(mem->locked_mm, mem->pinned, false);
		mmdrop(mem->locked_mm);
	}
	vmm_uncharge(mem->charge);
	kfree(mem);
}

void vmm_mem_put(struct vmm_mem *mem)
{
	if (mem && refcount_dec_and_test(&mem->refs))
		mem_free(mem);
}

/* Pin the caller's pages of a range, all at once: what the guest sees is
 * settled when CREATE returns. */
static int range_pin(struct vmm_range *range)
{
	unsigned long done = 0, n = range_npages(range);
	long got;

	range->pinned = true;
	while (done < n) {
		if (fatal_signal_pending(current))
			return -EINTR;
		got = pin_user_pages_fast(range->va + (done << PAGE_SHIFT),
					  min(n - done, LARGE_PAGES),
					  FOLL_WRITE | FOLL_LONGTERM, range->pages + done);
		if (got <= 0)
			return -ENOMEM;
		done += got;
		cond_resched();
	}
	return 0;
}

static int mem_charge(struct vmm_mem *mem)
{
	int err;

	if (!mem->pinned)
		return 0;
	err = account_locked_vm(current->mm, mem->pinned, true);
	if (err) {
		pr_info_ratelimited("%s[%d]: %llu KiB of guest memory exceed RLIMIT_MEMLOCK (%lu KiB): raise it (ulimit -l), or let the module allocate (vmr_va 0)\n",
				    current->comm, current->tgid,
				    mem->pinned << (PAGE_SHIFT - 10),
				    rlimit(RLIMIT_MEMLOCK) >> 10);
		return err;
	}
	mem->locked_mm = current->mm;
	mmgrab(mem->locked_mm);
	return 0;
}

/*
 * Memory of a VM from checked parameters; it has the charge from now on. Ranges with
 * vmr_va 0 get the module's pages, the others the caller's. Returns ERR_PTR(-ENOMEM), also
 * for RLIMIT_MEMLOCK and for addresses that are not the caller's; the charge is given back.
 */
struct vmm_mem *vmm_mem_create(struct vm_create_params *vcp, struct vmm_charge *charge)
{
	struct vmm_mem *mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);
	struct vmm_range *range;
	int err = -ENOMEM;

	if (!mem) {
		vmm_uncharge(charge);
		return ERR_PTR(-ENOMEM);
	}
	mem->charge = charge;
	refcount_set(&mem->refs, 1);
	mutex_init(&mem->lock);
	for (; mem->nranges < vcp->vcp_nmemranges; mem->nranges++) {
		struct vm_mem_range *vmr = &vcp->vcp_memranges[mem->nranges];

		range = &mem->ranges[mem->nranges];
		range->gpa = vmr->vmr_gpa;
		range->size = vmr->vmr_size;
		range->va = vmr->vmr_va;
		range->type = vmr->vmr_type;
		if (range->type == VM_MEM_MMIO)
			continue;
		mem->size += range->size;
		if (range->va)
			mem->pinned += range_npages(range);
		range->pages = kvcalloc(range_npages(range), sizeof(*range->pages),
					GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!range->pages)
			goto free;
	}
	err = mem_charge(mem);
	for (range = mem->ranges; !err && range < mem->ranges + mem->nranges; range++)
		if (range->pages && range->va)
			err = range_pin(range);
	if (err)
		goto free;
	mem->present = mem->pinned;
	return mem;
free:
	mem_free(mem);
	return ERR_PTR(-ENOMEM);
}

/* The range that has this guest-physical address, NULL if none has. */
struct vmm_range *vmm_mem_find(struct vmm_mem *mem, u64 gpa)
{
	struct vmm_range *range;

	for (range = mem->ranges; range < mem->ranges + mem->nranges; range++)
		if (gpa >= range->gpa && gpa - range->gpa < range->size)
			return range;
	return NULL;
}

/* Index of the first page of the 2 MiB around page i, or -1 if that does not
 * lie within the range. */
static long large_index(const struct vmm_range *range, unsigned long i)
{
	u64 start = ALIGN_DOWN(range->gpa + ((u64)i << PAGE_SHIFT), PMD_SIZE);

	if (start < range->gpa || start + PMD_SIZE > range->gpa + range->size)
		return -1;
	return (start - range->gpa) >> PAGE_SHIFT;
}

/* Fill the 2 MiB around page i with one contiguous block, as single pages
 * that are freed one by one. */
static bool fill_large(struct vmm_mem *mem, struct vmm_range *range, unsigned long i)
{
	long first = large_index(range, i);
	struct page *page;
	unsigned long k;

	if (first < 0)
		return false;
	for (k = 0; k < LARGE_PAGES; k++)
		if (range->pages[first + k])
			return false;
	page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN,
			   LARGE_ORDER);
	if (!page)
		return false;
	split_page(page, LARGE_ORDER);
	for (k = 0; k < LARGE_PAGES; k++)
		WRITE_ONCE(range->pages[first + k], page + k);
	mem->present += LARGE_PAGES;
	return true;
}

/*
 * The page at a guest-physical address of a range that is not MMIO, allocated
 * if need be; NULL if memory is short. It lives as long as mem. May sleep.
 */
struct page *vmm_mem_page(struct vmm_mem *mem, struct vmm_range *range, u64 gpa)
{
	unsigned long i = (gpa - range->gpa) >> PAGE_SHIFT;
	struct page *page = READ_ONCE(range->pages[i]);

	if (page)
		return page;
	mutex_lock(&mem->lock);
	page = range->pages[i];
	if (!page && fill_large(mem, range, i))
		page = range->pages[i];
	if (!page) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (page) {
			WRITE_ONCE(range->pages[i], page);
			mem->present++;
		}
	}
	mutex_unlock(&mem->lock);
	return page;
}

/* Whether the 2 MiB around gpa are all there, contiguous and aligned in host
 * memory, so that one large nested entry may map them. */
bool vmm_mem_contiguous(struct vmm_range *range, u64 gpa)
{
	long first = large_index(range, (gpa - range->gpa) >> PAGE_SHIFT);
	unsigned long pfn, k;

	if (first < 0 || !range->pages[first])
		return false;
	pfn = page_to_pfn(range->pages[first]);
	if (!IS_ALIGNED(pfn, LARGE_PAGES))
		return false;
	for (k = 1; k < LARGE_PAGES; k++) {
		struct page *page = READ_ONCE(range->pages[first + k]);

		if (!page || page_to_pfn(page) != pfn + k)
			return false;
	}
	return true;
}

/* Kernel address of a guest-physical address, NULL if there is no memory. It
 * is good up to the end of the 4 KiB page, as long as mem lives. */
void *vmm_mem_kaddr(struct vmm_mem *mem, u64 gpa)
{
	struct vmm_range *range = vmm_mem_find(mem, gpa);
	struct page *page;

	if (!range || range->type == VM_MEM_MMIO)
		return NULL;
	page = vmm_mem_page(mem, range, gpa);
	return page ? page_address(page) + offset_in_page(gpa) : NULL;
}

/* ---- the file that is mapped ---- */

static vm_fault_t mem_fault(struct vm_fault *vmf)
{
	struct vmm_mem *mem = vmf->vma->vm_private_data;
	u64 gpa = (u64)vmf->pgoff << PAGE_SHIFT;
	struct vmm_range *range = vmm_mem_find(mem, gpa);
	struct page *page;

	if (!range || range->type == VM_MEM_MMIO)
		return VM_FAULT_SIGBUS;
	page = vmm_mem_page(mem, range, gpa);
	if (!page)
		return VM_FAULT_OOM;
	if (range->pinned)
		return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct mem_vm_ops = {
	.fault = mem_fault,
};

/* Pages of the creator are shared as bare frames: they belong to its own
 * mapping. Page offsets are guest frame numbers. */
static int mem_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vmm_mem *mem = file->private_data;
	struct vmm_range *range = vmm_mem_find(mem, (u64)vma->vm_pgoff << PAGE_SHIFT);

	if (!range || range->type == VM_MEM_MMIO || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY |
		     (range->pinned ? VM_PFNMAP : 0));
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_private_data = mem;
	vma->vm_ops = &mem_vm_ops;
	return 0;
}

static int mem_release(struct inode *inode, struct file *file)
{
	vmm_mem_put(file->private_data);
	return 0;
}

static const struct file_operations mem_fops = {
	.owner = THIS_MODULE,
	.mmap = mem_mmap,
	.release = mem_release,
};

/*
 * Map every range that is not MMIO and whose va[i] is 0, read and write, into
 * the calling process; va[i] becomes its address. All or nothing.
 */
int vmm_mem_map(struct vmm_mem *mem, vmm_vaddr_t va[VMM_MAX_MEM_RANGES])
{
	u64 at[VMM_MAX_MEM_RANGES] = {};
	unsigned long addr;
	struct file *file;
	unsigned int i;
	int err = 0;

	refcount_inc(&mem->refs);
	file = anon_inode_getfile("vmm-memory", &mem_fops, mem, O_RDWR);
	if (IS_ERR(file)) {
		vmm_mem_put(mem);
		return PTR_ERR(file);
	}
	for (i = 0; i < mem->nranges && !err; i++) {
		struct vmm_range *range = &mem->ranges[i];

		if (range->type == VM_MEM_MMIO || va[i])
			continue;
		addr = vm_mmap(file, 0, range->size, PROT_READ | PROT_WRITE, MAP_SHARED, range->gpa);
		if (IS_ERR_VALUE(addr))
			err = (int)addr;
		else
			at[i] = addr;
	}
	for (i = 0; i < mem->nranges; i++) {
		if (err && at[i])
			vm_munmap(at[i], mem->ranges[i].size);
		else if (!err && at[i])
			va[i] = at[i];
	}
	fput(file);
	return err;
}
