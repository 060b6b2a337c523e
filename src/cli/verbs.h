/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs, in the order of the help: V(group, name, summary). Each is
 * int verb_<name>(int argc, char **argv) in a file of its own, with argv[0]
 * the verb, and returns the program's status.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#define VERBS(V) \
	V("Record", run, "boot a guest, show its console, print where its time went") \
	V("Record", record, "record running VMs, or those that COMMAND starts") \
	V("Record", list, "VMs on this host that can be recorded") \
	V("Record", top, "live exits by VM, vCPU and class") \
	V("Read", export, "a capture (.ctf) to .json .json.gz .ndjson .ndjson.gz .ctf, counts checked") \
	V("Read", verify, "prove that a file is whole: counts, order, nesting, losses") \
	V("Experiment", compare, "A against B; --sequence: the first exit at which they part") \
	V("Host", doctor, "what this machine can do, what is missing, how to get it") \
	V("Host", lab, "run COMMAND on an emulated AMD or Intel host; needs no hardware") \
	V("Host", serve, "give /dev/vmm to other users of this host") \
	V("Host", vm, "each call of vmm(4) from the shell, JSON in and out")

#define V(group, name, summary) int verb_##name(int argc, char **argv);
VERBS(V)
#undef V

#endif /* CLI_VERBS_H */
