/* SPDX-License-Identifier: GPL-2.0-only */
/* The module on a model processor with SVM: what emulators hide. */
#include "model/model.h"

#include "core.h"

int main(void)
{
	return scene_main(&vmm_svm_ops, model_svm_init);
}
