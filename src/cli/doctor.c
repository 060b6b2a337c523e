// SPDX-License-Identifier: GPL-2.0-only
/* vmmtrace doctor: what this machine can do, what is missing, how to get it. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cpuid.h>

#include "cli.h"
#include "src/lib/libvmm.h"
#include "trace/record.h"
#include "verbs.h"

/* One finding: a line, and what to do about it if it is not good. */
static bool finding(bool good, const char *what, const char *state, const char *cure)
{
	printf("%-4s %-28s %s\n", good ? "ok" : "no", what, state);
	if (!good && cure)
		printf("     %-28s -> %s\n", "", cure);
	return good;
}

static bool loaded(const char *module)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

static const char *vendor_extension(void)
{
	unsigned int a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 5)))
		return "Intel VMX";
	if (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & (1u << 2)))
		return "AMD SVM";
	return NULL;
}

static bool check_hardware(void)
{
	const char *extension = vendor_extension();

	return finding(extension, "hardware virtualization", extension ? extension : "none",
		       "nothing to do for emulated hosts: vmmtrace lab --cpu amd|intel");
}

static bool check_kvm(void)
{
	const char *kvm = loaded("kvm_amd") ? "kvm_amd" : loaded("kvm_intel") ? "kvm_intel" : NULL;
	char cure[64];

	snprintf(cure, sizeof(cure), "modprobe -r %s, before the first guest", kvm ? kvm : "");
	return finding(!kvm, "KVM", kvm ? "loaded: it may hold the processor" : "not loaded", cure);
}

/* Lockdown (kernel_lockdown(7)), as with Secure Boot: "none [integrity] confidentiality". */
static void check_lockdown(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";

	if (!f)
		return;
	if (fgets(line, sizeof(line), f) && strstr(line, "[confidentiality]"))
		finding(false, "lockdown", "confidentiality: no tracing, and modules must be signed",
			"boot without lockdown=confidentiality");
	else if (strstr(line, "[integrity]"))
		finding(false, "lockdown", "integrity: modules must be signed",
			"sign vmm.ko with a key that this machine knows: vmm(4)");
	fclose(f);
}

static bool check_device(void)
{
	struct vmm_version version;
	char state[96];
	int fd = vmm_open(), err = fd < 0 ? fd : vmm_version(fd, &version);

	if (fd >= 0)
		close(fd);
	if (err == -EACCES || err == -EPERM)
		return finding(false, "/dev/vmm", "no permission", "run as root, or join its group: adduser USER vmm");
	if (fd < 0)
		return finding(false, "/dev/vmm", loaded("vmm") ? strerror(-err) : "vmm.ko is not loaded",
			       "modprobe vmm (after make install), or insmod kbuild/kernel/vmm.ko");
	snprintf(state, sizeof(state), "ABI %u, schema %u, %s", version.vv_abi, version.vv_schema,
		 version.vv_isa == VMMT_ISA_svm ? "AMD SVM" : "Intel VMX");
	return finding(!err && version.vv_abi == VMM_ABI_VERSION &&
		       version.vv_schema == VMMT_SCHEMA_VERSION, "/dev/vmm", state,
		       "another version than this program: rebuild and reload vmm.ko");
}

static bool check_bpf(void)
{
#ifdef HAVE_BPF
	bool root = !geteuid();

	return finding(root, "recording (BPF)", root ? "built, and permitted" : "built, not permitted",
		       "run as root (CAP_BPF and CAP_PERFMON)");
#else
	return finding(false, "recording (BPF)", "not built",
		       "install libbpf-dev bpftool clang llvm, configure again");
#endif
}

static bool in_path(const char *program)
{
	static const char *const dirs[] = { "/usr/local/bin", "/usr/bin", "/bin", "/usr/games" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static bool check_emulators(void)
{
	bool amd, intel;

	amd = finding(in_path("qemu-system-x86_64"), "emulated AMD host", 
		      in_path("qemu-system-x86_64") ? "QEMU" : "no QEMU",
		      "apt-get install qemu-system-x86");
	intel = finding(in_path("bochs"), "emulated Intel host", in_path("bochs") ? "Bochs" : "no Bochs",
			"apt-get install bochs bochs-term bochsbios vgabios xorriso isolinux syslinux-common");
	return amd && intel;
}

int verb_doctor(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, {} };
	struct utsname uts;
	bool real;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c != 'h')
			return cli_bad_option("doctor", c, argv, options);
		puts("Usage: vmmtrace doctor\n"
		     "Say what this machine can do, what is missing, and how to get it.\n"
		     "Status: 0 guests can run here, 3 only on emulated hosts, or not at all.");
		return 0;
	}
	if (optind < argc)
		return cli_usage("doctor", "%s: it takes no arguments", argv[optind]);
	if (!uname(&uts))
		printf("     %-28s %s\n", "kernel", uts.release);
	real = check_hardware();
	real &= check_kvm();
	check_lockdown();
	real &= check_device();
	check_bpf();
	check_emulators();
	return real ? 0 : 3;
}
