// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a plain guest convert memory as a confidential one does.
 *
 * In a plain guest set_memory_decrypted() returns at once.  Here the kernel is
 * told that it is a TDX guest whose shared bit is bit 52 of a page-table
 * entry, a bit that the MMU ignores.  From then on page tables change and
 * mappings split as in a real confidential guest.  No hypervisor hears of it.
 *
 * Both variables are read-only after boot, so they are written through a
 * second mapping of their page.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/swiotlb.h>
#include <linux/vmalloc.h>
#include <asm/coco.h>
#include <asm/x86_init.h>

#include "probe.h"

#define SHARED_BIT	52

static int write_read_only(void *to, const void *from, size_t bytes)
{
	unsigned long at = offset_in_page(to);
	struct page *page = pfn_to_page(PHYS_PFN(slow_virt_to_phys(to)));
	char *alias;

	if (at + bytes > PAGE_SIZE)
		return -EINVAL;
	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!alias)
		return -ENOMEM;
	memcpy(alias + at, from, bytes);
	vunmap(alias);
	return 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
/* A plain guest's hooks return false, which means failure. */
static bool converted(unsigned long address, int pages, bool encrypt)
{
	return true;
}
#endif

static int replace_hooks(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
	bool (*hook)(unsigned long address, int pages, bool encrypt) = converted;
	int error = write_read_only(&x86_platform.guest.enc_status_change_prepare, &hook, sizeof(hook));

	/* The hooks are code of this module, which has to stay. */
	__module_get(THIS_MODULE);
	return error ?: write_read_only(&x86_platform.guest.enc_status_change_finish, &hook, sizeof(hook));
#else
	return 0;
#endif
}

/* The boot pool of bounce buffers says for itself whether it is shared. */
static int share_bounce_buffers(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
	struct io_tlb_mem *pool = probe_symbol("io_tlb_default_mem");
	bool yes = true;

	return pool ? write_read_only(&pool->cc_shared, &yes, sizeof(yes)) : 0;
#else
	return 0;
#endif
}

int confidential_switch(void)
{
	void *vendor_at = probe_symbol("cc_vendor"), *mask_at = probe_symbol("cc_mask");
	enum cc_vendor vendor = CC_VENDOR_INTEL;
	u64 mask = BIT_ULL(SHARED_BIT);
	int error;

	if (!vendor_at || !mask_at)
		return -ENOENT;
	error = replace_hooks();
	error = error ?: write_read_only(mask_at, &mask, sizeof(mask));
	error = error ?: share_bounce_buffers();
	/* Last: it is what makes conversions real. */
	return error ?: write_read_only(vendor_at, &vendor, sizeof(vendor));
}
