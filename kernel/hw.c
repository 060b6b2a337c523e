// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization on all CPUs: on when the first VM is made, off when the last
 * is gone. CPUs that come or go in between, suspend, reboot, kexec and crash
 * are handled here, for both vendors.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/syscore_ops.h>

#include "core.h"

/* A way to find errors in what the vendors' parts let the processor keep between
 * entries: nothing is kept, and timelines must be the same. */
static bool paranoid;
module_param(paranoid, bool, 0444);
MODULE_PARM_DESC(paranoid, "forget all that the processor has cached before each entry; slow (default: off)");
DEFINE_STATIC_KEY_FALSE(vmm_paranoid);

static DEFINE_MUTEX(hw_lock);
static unsigned int hw_users;		/* hw_lock */
static enum cpuhp_state hw_state;	/* hw_lock */
static bool going_down;			/* set once: it stays off */
static u64 tsc_at_suspend;
/* On, on this CPU. Changed only there, with interrupts off. */
DEFINE_PER_CPU(bool, vmm_hw_on);
/* What suspends took from the TSC, see vmm_tsc(). Changes only while all tasks
 * are frozen and one CPU runs. */
u64 vmm_tsc_offset;

static int cpu_on(void)
{
	int err;

	if (__this_cpu_read(vmm_hw_on))
		return 0;
	if (READ_ONCE(going_down))
		return -EIO;
	err = vmm_ops->cpu_on();
	if (!err)
		__this_cpu_write(vmm_hw_on, true);
	return err;
}

static void cpu_off(void *unused)
{
	if (!__this_cpu_read(vmm_hw_on))
		return;
	vmm_ops->cpu_off();
	__this_cpu_write(vmm_hw_on, false);
}

/*
 * A crash: this may be an NMI that came anywhere, so nothing is looked at. The kernel has room for
 * one callback: it is ours while virtualization is, else another hypervisor's.
 */
#ifdef VMM_EMERGENCY_CALLBACK
static void hw_emergency(void)
{
	if (__this_cpu_read(vmm_hw_on))
		vmm_ops->cpu_emergency_off();
}

static void watch_for_crash(bool on)
{
	if (on)
		cpu_emergency_register_virt_callback(hw_emergency);
	else
		cpu_emergency_unregister_virt_callback(hw_emergency);
}
#else
static void watch_for_crash(bool on)
{
}
#endif

/* Hotplug runs these on the CPU, before tasks are let on it and after they
 * have been moved away, so no vCPU thread sees it off. */
static int hw_cpu_online(unsigned int cpu)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = cpu_on();
	local_irq_restore(flags);
	return err;
}

static int hw_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	cpu_off(NULL);
	local_irq_restore(flags);
	return 0;
}

/* Count one more user; the first switches virtualization on. Returns -EIO if
 * a CPU refuses (the log says why). May sleep. */
int vmm_hw_get(void)
{
	int ret = 0;

	mutex_lock(&hw_lock);
	if (!hw_users) {
		ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/vmm:online",
					hw_cpu_online, hw_cpu_offline);
		if (ret >= 0) {
			hw_state = ret;
			watch_for_crash(true);
		}
	}
	if (ret >= 0)
		hw_users++;
	mutex_unlock(&hw_lock);
	return ret < 0 ? -EIO : 0;
}

/* One user less; the last switches virtualization off. May sleep. */
void vmm_hw_put(void)
{
	mutex_lock(&hw_lock);
	if (!--hw_users) {
		cpuhp_remove_state(hw_state);
		watch_for_crash(false);
	}
	mutex_unlock(&hw_lock);
}

/* Suspend and resume: the boot CPU, interrupts off; the others are unplugged,
 * and no vCPU's thread is inside RUN, as tasks are frozen on their way out of
 * the kernel. */
static int hw_suspend(VMM_SYSCORE_ARGS)
{
	cpu_off(NULL);
	tsc_at_suspend = rdtsc();
	return 0;
}

/* Most processors begin a new count in the TSC: guests and records go on where
 * the old one ended. */
static void hw_resume(VMM_SYSCORE_ARGS)
{
	u64 now = rdtsc();

	if (hw_users && cpu_on())
		pr_err("virtualization did not come back after resume; end the VMs\n");
	if (now >= tsc_at_suspend)
		return;
	vmm_tsc_offset += tsc_at_suspend - now;
	vmm_vm_set_back(tsc_at_suspend - now);
}

VMM_SYSCORE(hw_syscore, hw_suspend, hw_resume);

/* Reboot and kexec: INIT is blocked in VMX operation, and SVM must not be on
 * when another kernel starts. vCPU threads may still run: they see that it is
 * off before they enter. Nobody switches it on again. */
static int hw_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(going_down, true);
	on_each_cpu(cpu_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block hw_reboot_nb = {
	.notifier_call = hw_reboot,
};

int vmm_hw_init(void)
{
	int err = vmm_ops->hw_init();

	if (err)
		return err;
	err = register_reboot_notifier(&hw_reboot_nb);
	if (err) {
		vmm_ops->hw_exit();
		return err;
	}
	if (paranoid)
		static_branch_enable(&vmm_paranoid);
	vmm_register_syscore(&hw_syscore);
	return 0;
}

void vmm_hw_exit(void)
{
	vmm_unregister_syscore(&hw_syscore);
	unregister_reboot_notifier(&hw_reboot_nb);
	vmm_ops->hw_exit();
}
