/* SPDX-License-Identifier: GPL-2.0-only */
/* In place of kernel/svm/insn.h: the same functions, of the model processor. */
#ifndef VMM_SVM_INSN_H
#define VMM_SVM_INSN_H

#include "kernel.h"

void svm_clgi(void);
void svm_stgi(void);
void svm_vmsave(u64 pa);
void svm_clear_divider(void);
void svm_host_mce(void);

#endif /* VMM_SVM_INSN_H */
