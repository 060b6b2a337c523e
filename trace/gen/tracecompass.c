/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * docs/tracecompass.xml: an analysis for Trace Compass, in the XML of its
 * data-driven analyses ("Data driven analysis" in its user guide; their
 * schema is xmlDefinition.xsd in its sources). It takes the events of .ctf
 * captures and of LTTng-UST sessions alike: they have the same names.
 */
#include <config.h>

#include "trace/gen/gen.h"

#include <stdio.h>

#include "src/collector/names.h"
#include "trace/ust/ust.h"

/* Attributes are numbers; each kind of value has a range of its own. */
#define END_BASE	100
#define END_HALTED	199
#define DEVICE_BASE	200
#define ALIVE		300
#define SPAN_BASE	301

/* What became of an exit, in words; and a HLT that ended in userland. */
static const char *end_text(unsigned int end)
{
	static const char *const texts[] = {
		[VMMT_END_resumed] = "guest again", [VMMT_END_userland] = "userland",
		[VMMT_END_injected] = "exception to guest", [VMMT_END_killed] = "killed",
	};

	return texts[end];
}

/* Exits of a kind look alike. */
static const char *class_color(unsigned int class)
{
	static const char *const colors[] = {
		[VMMT_KEY_none] = "#9E9E9E", [VMMT_KEY_port] = "#1E88E5",
		[VMMT_KEY_msr] = "#8E24AA", [VMMT_KEY_leaf] = "#43A047",
		[VMMT_KEY_cr] = "#00897B", [VMMT_KEY_dr] = "#00ACC1",
		[VMMT_KEY_vector] = "#E53935", [VMMT_KEY_gpa] = "#FB8C00",
		[VMMT_KEY_rax] = "#FDD835",
	};

	return colors[vmmt_class_info(class)->key];
}

static void defined(const char *name, unsigned int value, const char *color)
{
	printf("\t\t<definedValue name=\"%s\" value=\"%u\" color=\"%s\"/>\n", name, value, color);
}

static void defined_values(void)
{
	const struct vmmt_enum *devices = vmmt_enum(VMMT_KIND_device);
	const struct vmmt_enum *ends = vmmt_enum(VMMT_KIND_end);
	static const char *const end_colors[] = { "#A5D6A7", "#FFE082", "#EF9A9A", "#B71C1C" };

	for (unsigned int i = 0; i < VMMT_NCLASS; i++)
		defined(vmmt_class_info(i)->name, i, class_color(i));
	for (size_t i = 0; i < ends->count; i++)
		defined(end_text(ends->values[i].value), END_BASE + ends->values[i].value,
			end_colors[i]);
	defined("halted", END_HALTED, "#CFD8DC");
	for (size_t i = 0; i < devices->count; i++)
		defined(devices->values[i].name, DEVICE_BASE + devices->values[i].value, "#64B5F6");
	defined("alive", ALIVE, "#E0E0E0");
#define SPAN(name, doc) defined(#name, SPAN_BASE + UST_SPAN_##name, "#7E57C2");
	UST_SPANS(SPAN)
#undef SPAN
}

/* An entry of a view, opened. */
static void entry(int depth, const char *path, const char *display)
{
	printf("%.*s<entry path=\"%s\" displayText=\"true\">\n", depth, "\t\t\t\t\t", path);
	if (display)
		printf("%.*s<display type=\"constant\" value=\"%s\"/>\n", depth + 1, "\t\t\t\t\t",
		       display);
	else
		printf("%.*s<display type=\"self\"/>\n", depth + 1, "\t\t\t\t\t");
	printf("%.*s<name type=\"self\"/>\n", depth + 1, "\t\t\t\t\t");
}

static void entry_end(int depth)
{
	printf("%.*s</entry>\n", depth, "\t\t\t\t\t");
}

static void head(const char *label)
{
	printf("\t\t<head>\n\t\t\t<analysis id=\"vmmtrace.vms\"/>\n\t\t\t<label value=\"%s\"/>\n"
	       "\t\t</head>\n", label);
}

static void views(void)
{
	puts("\t<timeGraphView id=\"vmmtrace.vms.view\">");
	head("vmmtrace: VMs");
	defined_values();
	entry(2, "VMs/*", "Life");
	entry(3, "vCPUs/*", "Exit");
	entry(4, "Then", NULL);
	entry_end(4);
	entry_end(3);
	entry(3, "Threads/*", "Device");
	entry_end(3);
	entry_end(2);
	entry(2, "Collector/*", NULL);
	entry_end(2);
	puts("\t</timeGraphView>");
	puts("\t<xyView id=\"vmmtrace.exits.view\">");
	head("vmmtrace: exits by class");
	puts("\t\t<entry path=\"VMs/*/Exits/*\" displayType=\"delta\">\n"
	     "\t\t\t<display type=\"self\"/>\n\t\t\t<name type=\"self\"/>\n\t\t</entry>\n"
	     "\t</xyView>");
}

static void attribute(int depth, const char *type, const char *value)
{
	printf("%.*s<stateAttribute type=\"%s\" value=\"%s\"/>\n", depth, "\t\t\t\t\t\t", type,
	       value);
}

/* VMs / that of the event / a group / the member that a field of the event names
 * (NULL: none) / an attribute (NULL: none). */
static void path(int depth, const char *group, const char *member, const char *name)
{
	attribute(depth, "constant", "VMs");
	attribute(depth, "eventField", "vm");
	if (group)
		attribute(depth, "constant", group);
	if (member)
		attribute(depth, "eventField", member);
	if (name)
		attribute(depth, "constant", name);
}

static void condition(int depth, const char *field, const char *value)
{
	printf("%.*s<condition>\n", depth, "\t\t\t\t\t\t");
	printf("%.*s<field name=\"%s\"/>\n", depth + 1, "\t\t\t\t\t\t", field);
	printf("%.*s<stateValue type=\"string\" value=\"%s\"/>\n", depth + 1, "\t\t\t\t\t\t",
	       value);
	printf("%.*s</condition>\n", depth, "\t\t\t\t\t\t");
}

static void handler(const char *event)
{
	printf("\t\t<eventHandler eventName=\"vmmtrace:%s\">\n", event);
}

static void handler_end(void)
{
	puts("\t\t</eventHandler>");
}

static void change_if(const char *field, const char *value)
{
	puts("\t\t\t<stateChange>\n\t\t\t\t<if>");
	condition(5, field, value);
	puts("\t\t\t\t</if>\n\t\t\t\t<then>");
}

static void change_end(void)
{
	puts("\t\t\t\t</then>\n\t\t\t</stateChange>");
}

static void value_int(int depth, unsigned int value)
{
	printf("%.*s<stateValue type=\"int\" value=\"%u\"/>\n", depth, "\t\t\t\t\t\t", value);
}

static void on_exit_event(void)
{
	const struct vmmt_enum *ends = vmmt_enum(VMMT_KIND_end);

	handler("exit");
	puts("\t\t\t<stateChange>");
	path(4, "Exits", "class", NULL);
	puts("\t\t\t\t<stateValue type=\"int\" value=\"1\" increment=\"true\"/>\n\t\t\t</stateChange>");
	for (unsigned int i = 0; i < VMMT_NCLASS; i++) {
		change_if("class", vmmt_class_info(i)->name);
		path(5, "vCPUs", "vcpu", "Exit");
		value_int(5, i);
		change_end();
	}
	for (size_t i = 0; i < ends->count; i++) {
		change_if("end", ends->values[i].name);
		path(5, "vCPUs", "vcpu", "Then");
		value_int(5, END_BASE + ends->values[i].value);
		change_end();
	}
	puts("\t\t\t<stateChange>\n\t\t\t\t<if>\n\t\t\t\t\t<and>");
	condition(6, "class", vmmt_class_info(VMMT_CLASS_hlt)->name);
	condition(6, "end", vmmt_value_name(VMMT_KIND_end, VMMT_END_userland).text);
	puts("\t\t\t\t\t</and>\n\t\t\t\t</if>\n\t\t\t\t<then>");
	path(5, "vCPUs", "vcpu", "Then");
	value_int(5, END_HALTED);
	change_end();
	handler_end();
}

static void on_dev(void)
{
	const struct vmmt_enum *devices = vmmt_enum(VMMT_KIND_device);

	handler("dev");
	for (size_t i = 0; i < devices->count; i++) {
		change_if("device", devices->values[i].name);
		path(5, "Threads", "vcpu", "Device");
		value_int(5, DEVICE_BASE + devices->values[i].value);
		change_end();
	}
	handler_end();
}

static void on_life(void)
{
	handler("life");
	change_if("what", vmmt_value_name(VMMT_KIND_life, VMMT_LIFE_vm_made).text);
	path(5, NULL, NULL, "Life");
	value_int(5, ALIVE);
	change_end();
	change_if("what", vmmt_value_name(VMMT_KIND_life, VMMT_LIFE_vm_ended).text);
	path(5, NULL, NULL, "Life");
	puts("\t\t\t\t\t<stateValue type=\"null\"/>");
	change_end();
	handler_end();
}

static void on_span(const char *name, const char *when, unsigned int value)
{
	printf("\t\t<eventHandler eventName=\"vmmtrace:%s_%s\">\n\t\t\t<stateChange>\n", name, when);
	attribute(4, "constant", "Collector");
	attribute(4, "constant", name);
	if (value)
		value_int(4, value);
	else
		puts("\t\t\t\t<stateValue type=\"null\"/>");
	puts("\t\t\t</stateChange>\n\t\t</eventHandler>");
}

void tracecompass(void)
{
	puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	     "<!-- SPDX-License-Identifier: GPL-2.0-only -->\n"
	     "<!-- Exits of VMs in Trace Compass: see docs/trace-compass.md of vmmtrace. Made from the\n"
	     "     schema by `make update-docs`. -->\n"
	     "<tmfxml xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\n"
	     "\t\txsi:noNamespaceSchemaLocation=\"xmlDefinition.xsd\">");
	views();
	printf("\t<stateProvider id=\"vmmtrace.vms\" version=\"%d\">\n", VMMT_SCHEMA_VERSION);
	puts("\t\t<head>\n"
	     "\t\t\t<traceType id=\"org.eclipse.linuxtools.tmf.ui.type.ctf\"/>\n"
	     "\t\t\t<traceType id=\"org.eclipse.linuxtools.lttng2.ust.tracetype\"/>\n"
	     "\t\t\t<label value=\"vmmtrace: VMs\"/>\n"
	     "\t\t</head>");
	on_exit_event();
	on_dev();
	on_life();
#define SPAN(name, doc) \
	on_span(#name, "begin", SPAN_BASE + UST_SPAN_##name); \
	on_span(#name, "end", 0);
	UST_SPANS(SPAN)
#undef SPAN
	puts("\t</stateProvider>\n</tmfxml>");
}
