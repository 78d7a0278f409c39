// The few functions of libjsonnet that ../evaluate.ts calls, and the one that it gives: who finds an import.
#include <cstddef>
#include <cstdlib>

extern "C" {
#include "libjsonnet.h"

#define EXPORT(name) __attribute__((export_name(#name)))

// 0: found, and the buffer is the content; 1: not found, and it is the reason. Buffers come from `allocate`.
__attribute__((import_module("plumbline"), import_name("find"))) int
plumbline_find(const char *base, const char *wanted, char **found, char **buffer, size_t *length);

static JsonnetVm *vm = nullptr;

static int find(void *, const char *base, const char *wanted, char **found, char **buffer, size_t *length)
{
    return plumbline_find(base, wanted, found, buffer, length);
}

EXPORT(start) void start(unsigned max_stack, unsigned max_trace)
{
    vm = jsonnet_make();
    jsonnet_max_stack(vm, max_stack);
    jsonnet_max_trace(vm, max_trace);
    jsonnet_import_callback(vm, find, nullptr);
}

EXPORT(allocate) char *allocate(size_t size) { return jsonnet_realloc(vm, nullptr, size); }
EXPORT(external) void external(const char *name, const char *text) { jsonnet_ext_var(vm, name, text); }
EXPORT(argument) void argument(const char *name, const char *text) { jsonnet_tla_var(vm, name, text); }
EXPORT(evaluate) char *evaluate(const char *file, const char *text, int *failed)
{
    return jsonnet_evaluate_snippet(vm, file, text, failed);
}
}
