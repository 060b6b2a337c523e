/* SPDX-License-Identifier: GPL-2.0-only */
#include "boot.h"

#include <errno.h>

#include "image.h"

int boot_flat(struct guest_memory *mem, const char *file, uint64_t gpa, enum boot_mode mode,
	      struct boot_state *ret, char msg[MACHINE_MSG])
{
	struct image img = IMAGE_NONE;
	int err = image_open(&img, file, msg);

	if (err)
		return err;
	if (mode != BOOT_FLAT64 && gpa > UINT32_MAX)
		err = boot_fail(msg, -EINVAL, "%s: address 0x%llx is above 4 GiB, which only "
				"64-bit code can be entered at", file, (unsigned long long)gpa);
	else if (mode == BOOT_FLAT64 && gpa >= MACHINE_4G)
		err = boot_fail(msg, -EINVAL, "%s: address 0x%llx is not below 4 GiB, which is "
				"all that is mapped at the start", file, (unsigned long long)gpa);
	if (!err)
		err = image_load(&img, mem, 0, img.size, gpa, img.size, msg);
	if (!err)
		err = boot_enter(mem, mode, gpa, file, ret, msg);
	image_close(&img);
	return err;
}
