/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads on model CPUs. Only one thing runs at a time: a thread, until it
 * yields, or the scheduler, which also stands in for a CPU that takes an
 * interrupt or goes offline. Where threads yield and who is next is drawn from
 * the seed.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "model.h"

#define MAX_THREADS	32
#define MAX_IPIS	64
#define STACK_SIZE	(128 * 1024)
#define POOL_PAGES	4096
#define HOTPLUG_EVERY	400

struct thread {
	ucontext_t context;
	void *stack;
	void (*fn)(void *arg);
	void *arg;
	int cpu;			/* -1: waits for one */
	int last_cpu;
	unsigned int preempt;		/* preempt_disable() depth */
	bool irqs_off, done, out;
	struct preempt_notifier *notifier;
	struct task_struct task;
};

struct ipi {
	void (*fn)(void *arg);
	void *arg;
	bool *done;
};

static struct cpu {
	bool online, leaving;
	struct thread *running;
	struct ipi ipis[MAX_IPIS];
	unsigned int nipis;
} cpus[MODEL_CPUS];

static struct thread threads[MAX_THREADS];
static struct thread *self;		/* who runs; NULL: the scheduler */
static int irq_cpu;			/* as which an interrupt or the scheduler acts; else -1 */
static ucontext_t scheduler;
static u64 random_state;
static char broken[512];
static struct mm_struct mm;
static int (*cpu_online)(unsigned int), (*cpu_offline)(unsigned int);
static bool hotplug_locked;

struct model_counts model_counts;
unsigned long model_jiffies;
struct notifier_block *model_reboot;
bool model_going_down;

/* ---- chance, failure ---- */

u64 model_random(u64 below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % below;
}

static void to_scheduler(void)
{
	struct thread *thread = self;

	swapcontext(&thread->context, &scheduler);
	self = thread;
}

void model_broken(const char *fmt, ...)
{
	va_list args;
	size_t n;

	if (!broken[0]) {
		n = snprintf(broken, sizeof(broken), "CPU %d: ",
			     self || irq_cpu >= 0 ? model_raw_cpu() : -1);
		va_start(args, fmt);
		vsnprintf(broken + n, sizeof(broken) - n, fmt, args);
		va_end(args);
	}
	if (self)
		to_scheduler();
}

char model_logged[8192];

void model_log(const char *fmt, ...)
{
	size_t n = strlen(model_logged);
	va_list args;

	va_start(args, fmt);
	vsnprintf(model_logged + n, sizeof(model_logged) - n, fmt, args);
	va_end(args);
	if (!getenv("MODEL_LOG"))
		return;
	va_start(args, fmt);
	printf("# ");
	vprintf(fmt, args);
	va_end(args);
}

/* ---- memory ---- */

static u8 *pool;
static u32 free_pages[POOL_PAGES];
static unsigned int nfree;
static unsigned int never_used;		/* pages from here on */
unsigned long model_pages_in_use;
void (*model_on_free)(u64 pa, u64 size);
void (*model_on_irq_enable)(void);
void (*model_on_leave)(void);

static void pool_init(void)
{
	if (!pool)
		pool = mmap(NULL, POOL_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	nfree = never_used = 0;
	model_pages_in_use = 0;
	model_on_free = NULL;
	model_on_irq_enable = NULL;
	model_on_leave = NULL;
}

static void may_sleep(const char *what)
{
	if (irq_cpu < 0 && self && (self->preempt || self->irqs_off))
		model_broken("%s may sleep, with preemption or interrupts off", what);
}

void *model_alloc_pages(int flags, unsigned int order)
{
	u8 *pages;

	if (!(flags & GFP_ATOMIC))
		may_sleep("an allocation");
	if (!order && nfree) {
		pages = pool + free_pages[--nfree] * PAGE_SIZE;
	} else {
		if (never_used + (1U << order) > POOL_PAGES)
			return NULL;
		pages = pool + never_used * PAGE_SIZE;
		never_used += 1U << order;
	}
	if (flags & __GFP_ZERO)
		memset(pages, 0, PAGE_SIZE << order);
	model_pages_in_use += 1U << order;
	return pages;
}

void model_free_pages(void *pages, unsigned int order)
{
	unsigned int i;

	if (!pages)
		return;
	if (model_on_free)
		model_on_free(__pa(pages), PAGE_SIZE << order);
	for (i = 0; i < 1U << order; i++)
		free_pages[nfree++] = ((u8 *)pages - pool) / PAGE_SIZE + i;
	model_pages_in_use -= 1U << order;
}

void *model_zalloc(size_t size)
{
	may_sleep("an allocation");
	return calloc(1, size);
}

/* ---- who runs where ---- */

int model_raw_cpu(void)
{
	return irq_cpu >= 0 ? irq_cpu : self->cpu;
}

static bool preemptible(const struct thread *thread)
{
	return !thread->preempt && !thread->irqs_off;
}

int smp_processor_id(void)
{
	if (irq_cpu < 0 && preemptible(self))
		model_broken("smp_processor_id() where the thread may be moved");
	return model_raw_cpu();
}

int model_self(void)
{
	return self ? (int)(self - threads) : -1;
}

struct task_struct *model_task(void)
{
	return &self->task;
}

bool model_irqs_off(void)
{
	return irq_cpu >= 0 || self->irqs_off;
}

bool model_irq_pending(void)
{
	return cpus[model_raw_cpu()].nipis;
}

/* Give the CPU up. The caller has found that it may be preempted. */
static void reschedule(void)
{
	struct preempt_notifier *notifier = self->notifier;

	model_counts.preempted++;
	if (notifier) {
		self->preempt++;
		self->irqs_off = true;
		notifier->ops->sched_out(notifier, NULL);
		self->irqs_off = false;
		self->preempt--;
	}
	if (model_on_leave)
		model_on_leave();
	cpus[self->cpu].running = NULL;
	self->cpu = -1;
	to_scheduler();
	if (notifier) {
		self->preempt++;
		notifier->ops->sched_in(notifier, self->cpu);
		self->preempt--;
	}
}

void model_yield(void)
{
	if (irq_cpu >= 0 || !self)
		return;
	if (preemptible(self) && (cpus[self->cpu].leaving || model_chance(25)))
		reschedule();
	else if (model_chance(3))
		to_scheduler();
}

void cond_resched(void)
{
	may_sleep("cond_resched()");
	reschedule();
}

void preempt_disable(void)
{
	self->preempt++;
}

void preempt_enable(void)
{
	if (!self->preempt)
		model_broken("preempt_enable() without preempt_disable()");
	if (!--self->preempt)
		model_yield();
}

/* ---- interrupts ---- */

/* Take what waits for a CPU, as that CPU. */
static void take_interrupts(int cpu)
{
	struct cpu *c = &cpus[cpu];
	int before = irq_cpu;
	unsigned int i;

	irq_cpu = cpu;
	for (i = 0; i < c->nipis; i++) {
		c->ipis[i].fn(c->ipis[i].arg);
		if (c->ipis[i].done)
			*c->ipis[i].done = true;
		model_counts.ipis++;
	}
	c->nipis = 0;
	irq_cpu = before;
}

void local_irq_disable(void)
{
	model_yield();
	self->irqs_off = true;
}

void local_irq_enable(void)
{
	if (model_on_irq_enable)
		model_on_irq_enable();
	self->irqs_off = false;
	take_interrupts(self->cpu);
	model_yield();
}

bool model_irq_save(void)
{
	bool was_off = model_irqs_off();

	if (!was_off)
		local_irq_disable();
	return was_off;
}

void model_irq_restore(bool was_off)
{
	if (!was_off)
		local_irq_enable();
}

int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait)
{
	struct cpu *c = &cpus[cpu];
	bool done = false;

	if (model_irqs_off())
		model_broken("smp_call_function_single() with interrupts off");
	if (!c->online)
		return -ENXIO;
	if (c->nipis == MAX_IPIS)
		model_broken("too many interrupts wait");
	c->ipis[c->nipis++] = (struct ipi){ fn, arg, wait ? &done : NULL };
	if (self->cpu == cpu) {
		take_interrupts(cpu);
		return 0;
	}
	self->preempt++;
	while (wait && !done)
		to_scheduler();
	self->preempt--;
	return 0;
}

void on_each_cpu(void (*fn)(void *), void *arg, int wait)
{
	int cpu;

	for (cpu = 0; cpu < MODEL_CPUS; cpu++)
		smp_call_function_single(cpu, fn, arg, wait);
}

/* ---- locks, notifiers, work ---- */

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = self;
	return true;
}

void mutex_lock(struct mutex *m)
{
	may_sleep("mutex_lock()");
	model_yield();
	while (!mutex_trylock(m))
		reschedule();
}

void mutex_unlock(struct mutex *m)
{
	if (m->owner != self)
		model_broken("a mutex is unlocked by somebody else");
	m->owner = NULL;
	model_yield();
}

void preempt_notifier_register(struct preempt_notifier *notifier)
{
	self->notifier = notifier;
}

void preempt_notifier_unregister(struct preempt_notifier *notifier)
{
	if (self->notifier != notifier)
		model_broken("another preempt notifier is registered");
	self->notifier = NULL;
}

bool xfer_to_guest_mode_work_pending(void)
{
	if (!model_chance(8))
		return false;
	model_counts.aborted++;
	return true;
}

bool signal_pending(struct task_struct *task)
{
	return model_chance(3);
}

/* ---- CPUs come and go ---- */

/* As the CPU's own hotplug thread: nobody there is inside something. */
static int call_on(int cpu, int (*fn)(unsigned int))
{
	int err;

	irq_cpu = cpu;
	err = fn(cpu);
	irq_cpu = -1;
	return err;
}

static int call_everywhere(int (*fn)(unsigned int))
{
	int cpu, err = 0;

	hotplug_locked = true;
	for (cpu = 0; cpu < MODEL_CPUS && !err; cpu++) {
		if (!cpus[cpu].online)
			continue;
		while (cpus[cpu].running && !preemptible(cpus[cpu].running))
			to_scheduler();
		err = call_on(cpu, fn);
	}
	hotplug_locked = false;
	return err;
}

int cpuhp_setup_state(enum cpuhp_state state, const char *name, int (*online)(unsigned int),
		      int (*offline)(unsigned int))
{
	int err;

	cpu_online = online;
	cpu_offline = offline;
	err = call_everywhere(online);
	if (err)
		cpuhp_remove_state(state);
	return err ? err : 1;
}

void cpuhp_remove_state(enum cpuhp_state state)
{
	call_everywhere(cpu_offline);
	cpu_online = cpu_offline = NULL;
}

static void take_offline(int cpu)
{
	struct cpu *c = &cpus[cpu];

	if (c->running || c->nipis || hotplug_locked)
		return;
	if (cpu_offline && call_on(cpu, cpu_offline))
		model_broken("a CPU does not go offline");
	c->online = c->leaving = false;
	model_counts.offline++;
}

static void bring_online(int cpu)
{
	if (cpu_online && call_on(cpu, cpu_online))
		model_broken("a CPU does not come back");
	cpus[cpu].online = true;
}

/* CPU 0 always stays. */
static void hotplug(void)
{
	int cpu = 1 + (int)model_random(MODEL_CPUS - 1);

	if (hotplug_locked)
		return;
	if (!cpus[cpu].online)
		bring_online(cpu);
	else
		cpus[cpu].leaving = true;
}

/* ---- the scheduler ---- */

static void thread_main(void)
{
	self->fn(self->arg);
	if (self->preempt || self->irqs_off || self->notifier)
		model_broken("a thread ends with preemption or interrupts off, or its notifier");
	self->done = true;
	cpus[self->cpu].running = NULL;
	to_scheduler();
}

void model_thread(void (*fn)(void *), void *arg)
{
	struct thread *t = threads;
	void *stack;

	while (t < threads + MAX_THREADS && t->fn && !t->done)
		t++;
	if (t == threads + MAX_THREADS) {
		model_broken("too many threads");
		return;
	}
	stack = t->stack ? t->stack : malloc(STACK_SIZE);
	*t = (struct thread){ .stack = stack, .fn = fn, .arg = arg, .cpu = -1, .last_cpu = -1 };
	t->task.mm = &mm;
	getcontext(&t->context);
	t->context.uc_stack.ss_sp = stack;
	t->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&t->context, thread_main, 0);
}

/* A thread that waits for a CPU, drawn; NULL if none does. */
static struct thread *draw_thread(void)
{
	unsigned int start = model_random(MAX_THREADS), i;

	for (i = 0; i < MAX_THREADS; i++) {
		struct thread *t = &threads[(start + i) % MAX_THREADS];

		if (t->fn && !t->done && t->cpu < 0)
			return t;
	}
	return NULL;
}

static void run_cpu(int cpu)
{
	struct cpu *c = &cpus[cpu];

	if (!c->running || !c->running->irqs_off)
		take_interrupts(cpu);
	if (c->leaving)
		take_offline(cpu);
	if (!c->running && c->online && !c->leaving) {
		c->running = draw_thread();
		if (!c->running)
			return;
		c->running->cpu = cpu;
		if (c->running->last_cpu >= 0 && c->running->last_cpu != cpu)
			model_counts.migrations++;
		c->running->last_cpu = cpu;
	}
	if (!c->running)
		return;
	self = c->running;
	swapcontext(&scheduler, &self->context);
	self = NULL;
}

static bool anybody_left(void)
{
	unsigned int i;

	for (i = 0; i < MAX_THREADS; i++)
		if (threads[i].fn && !threads[i].done)
			return true;
	return false;
}

const char *model_run(bool with_hotplug)
{
	while (anybody_left() && !broken[0]) {
		model_jiffies++;
		if (with_hotplug && model_chance(HOTPLUG_EVERY))
			hotplug();
		run_cpu((int)model_random(MODEL_CPUS));
	}
	return broken[0] ? broken : NULL;
}

void model_init(u64 seed)
{
	unsigned int i;
	int cpu;

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	broken[0] = '\0';
	self = NULL;
	irq_cpu = -1;
	cpu_online = cpu_offline = NULL;
	hotplug_locked = false;
	for (i = 0; i < MAX_THREADS; i++)
		threads[i].fn = NULL;
	for (cpu = 0; cpu < MODEL_CPUS; cpu++)
		cpus[cpu] = (struct cpu){ .online = true };
	model_counts = (struct model_counts){ 0 };
	pool_init();
	model_tlb_init();
}
