// SPDX-License-Identifier: GPL-2.0
/*
 * decpool_probe - what a running kernel's page allocator holds, what it then
 * hands out, and what conversions do to its direct map.
 *
 * For test guests: it keeps pages, and can make the guest believe that it is
 * confidential.  Commands are written to /proc/decpool_probe, one in each
 * write; what they made is read from there.  README.md has the commands.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "probe.h"

#define TEXT_BYTES	(16UL << 20)
#define LONGEST_COMMAND	96

static DEFINE_MUTEX(lock);
static char *text;
static size_t text_length;
static bool text_is_cut;
static unsigned long (*find_symbol)(const char *name);

void probe_print(const char *format, ...)
{
	size_t room = TEXT_BYTES - text_length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text + text_length, room, format, args);
	va_end(args);
	if (length < room)
		text_length += length;
	else
		text_is_cut = true;
}

void probe_print_reset(void)
{
	text_length = 0;
	text_is_cut = false;
}

bool probe_print_is_cut(void)
{
	return text_is_cut;
}

void *probe_symbol(const char *name)
{
	return (void *)find_symbol(name);
}

/* kallsyms_lookup_name() is not exported, but a kprobe finds where it is. */
static int find_symbols(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	int error = register_kprobe(&probe);

	if (error)
		return error;
	find_symbol = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

static int run_command(char *line)
{
	unsigned int a, b, c;
	unsigned long pfn, pages;
	char label[24];

	if (sscanf(line, "seed %u", &settings.seed) == 1)
		return 0;
	if (sscanf(line, "cpu %u", &a) == 1) {
		if (a >= nr_cpu_ids || !cpu_online(a))
			return -EINVAL;
		settings.cpu = a;
		return 0;
	}
	if (sscanf(line, "label %23s %23s", settings.state, settings.kind) == 2)
		return 0;
	if (sscanf(line, "convert %u", &a) == 1) {
		settings.convert = a;
		return 0;
	}
	if (sscanf(line, "plan %u %u %u", &a, &b, &c) == 3)
		return sequence_plan(a, b, c);
	if (sscanf(line, "take %u %u", &a, &b) == 2)
		return convert_take(a, b);
	if (sscanf(line, "give %u", &a) == 1)
		return convert_give(a);
	if (sscanf(line, "decrypt %lu %lu", &pfn, &pages) == 2)
		return convert_range("rawset", "-", pfn, pages, true);
	if (sscanf(line, "encrypt %lu %lu", &pfn, &pages) == 2)
		return convert_range("rawclr", "-", pfn, pages, false);
	if (sscanf(line, "map %23s", label) == 1) {
		convert_map(label);
		return 0;
	}
	if (!strcmp(line, "table")) {
		convert_table();
		return 0;
	}
	if (!strcmp(line, "run"))
		return sequence_run();
	if (!strcmp(line, "release")) {
		sequence_release();
		return 0;
	}
	if (!strcmp(line, "confidential"))
		return confidential_switch();
	return -EINVAL;
}

static ssize_t probe_write(struct file *file, const char __user *from, size_t length, loff_t *offset)
{
	char line[LONGEST_COMMAND + 1] = "";
	int error;

	if (length > LONGEST_COMMAND)
		return -EINVAL;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	mutex_lock(&lock);
	error = run_command(strim(line));
	mutex_unlock(&lock);
	return error ? error : length;
}

static ssize_t probe_read(struct file *file, char __user *to, size_t length, loff_t *offset)
{
	ssize_t got;

	mutex_lock(&lock);
	got = simple_read_from_buffer(to, length, offset, text, text_length);
	mutex_unlock(&lock);
	return got;
}

static const struct proc_ops probe_ops = {
	.proc_read = probe_read,
	.proc_write = probe_write,
	.proc_lseek = default_llseek,
};

static void free_all(void)
{
	convert_exit();
	sequence_exit();
	dump_exit();
	vfree(text);
}

static int __init probe_init(void)
{
	int error = find_symbols();

	if (error)
		return error;
	/* All memory is taken now: a run must not change what it measures. */
	error = -ENOMEM;
	text = vzalloc(TEXT_BYTES);
	if (!text)
		return error;
	error = dump_init();
	if (!error)
		error = sequence_init();
	if (!error)
		error = convert_init();
	if (!error && !proc_create("decpool_probe", 0600, NULL, &probe_ops))
		error = -ENOMEM;
	if (error)
		free_all();
	return error;
}

/* Gives back all pages that it holds. */
static void __exit probe_exit(void)
{
	remove_proc_entry("decpool_probe", NULL);
	free_all();
}

module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("page allocator lists, request sequences and direct-map conversions, for decpool");
