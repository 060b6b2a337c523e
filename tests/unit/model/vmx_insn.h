/* SPDX-License-Identifier: GPL-2.0-only */
/* In place of kernel/vmx/insn.h: the same functions, of the model processor. */
#ifndef VMM_VMX_INSN_H
#define VMM_VMX_INSN_H

#include "kernel.h"

bool vmx_vmxon(u64 pa);
void vmx_vmxoff(void);
bool vmx_vmclear(u64 pa);
bool vmx_vmptrld(u64 pa);
u64 vmx_vmread(u32 field);
bool vmx_vmwrite(u32 field, u64 value);
bool vmx_invept(u64 type, u64 eptp);
bool vmx_invvpid(u64 type, u16 vpid);
void vmx_host_nmi(void);
void vmx_host_mce(void);

#endif /* VMM_VMX_INSN_H */
