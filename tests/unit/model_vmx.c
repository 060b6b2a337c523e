/* SPDX-License-Identifier: GPL-2.0-only */
/* The module on a model processor with VMX: what emulators hide. */
#include "model/model.h"

#include "core.h"

int main(void)
{
	return scene_main(&vmm_vmx_ops, model_vmx_init);
}
