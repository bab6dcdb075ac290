// The Python module attentive_rnn._native: the C interface for pointers given as numbers, and pooled buffers.
// CPython's stable interface (3.11), so that one build serves every later version.
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <cstring>

#include "abi.h"
#include "runtime.h"

namespace {

using attentive::pool_bytes;
using attentive::pool_give;
using attentive::pool_limit;
using attentive::pool_take;

// The fields of a call, as Python's structures of it list theirs: "name: kind".
struct Field {
    const char *name, *kind;
};
template <class T>
constexpr const char *kind = "Address";
template <>
constexpr const char *kind<int64_t> = "int";
template <>
constexpr const char *kind<double> = "float";
#define FIELD(type, name) {#name, kind<type>},
constexpr Field recurrence_fields[] = {RECURRENCE_FIELDS(FIELD)}, lstm2d_fields[] = {LSTM2D_FIELDS(FIELD)};
#undef FIELD

template <class Call>
constexpr Py_ssize_t fields = sizeof(Call) / 8;
static_assert(sizeof(recurrence_fields) / sizeof(Field) == fields<RecurrenceCall> &&
                  sizeof(lstm2d_fields) / sizeof(Field) == fields<Lstm2dCall> && sizeof(void *) == 8,
              "every field is eight bytes wide");

// A call from its fields in order: ints, floats, and None for null. Fields left out at the end are 0.
template <class Call>
bool parse(PyObject *const *args, Py_ssize_t count, Call *call) {
    if (count > fields<Call>) {
        PyErr_Format(PyExc_TypeError, "a call has %zd fields, got %zd", fields<Call>, count);
        return false;
    }
    int64_t values[fields<Call>] = {};
    for (Py_ssize_t i = 0; i < count; i++) {
        if (args[i] == Py_None) continue;
        if (PyFloat_Check(args[i])) {
            const double value = PyFloat_AsDouble(args[i]);
            std::memcpy(&values[i], &value, 8);
        } else {
            values[i] = PyLong_AsLongLong(args[i]);
            if (values[i] == -1 && PyErr_Occurred()) return false;
        }
    }
    std::memcpy(static_cast<void *>(call), values, sizeof values);
    return true;
}

template <class Call>
PyObject *run(int (*kernel)(const Call *), PyObject *const *args, Py_ssize_t count) {
    Call call;
    if (!parse(args, count, &call)) return nullptr;
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = kernel(&call);
    Py_END_ALLOW_THREADS if (failed) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyObject *forward(PyObject *, PyObject *const *args, Py_ssize_t count) { return run(recurrence_forward, args, count); }
PyObject *backward(PyObject *, PyObject *const *args, Py_ssize_t count) { return run(recurrence_backward, args, count); }

PyObject *forward2d(PyObject *, PyObject *const *args, Py_ssize_t count) { return run(lstm2d_forward, args, count); }
PyObject *backward2d(PyObject *, PyObject *const *args, Py_ssize_t count) { return run(lstm2d_backward, args, count); }

template <class Call>
PyObject *size(int64_t (*bytes)(const Call *), PyObject *const *args, Py_ssize_t count) {
    Call call;
    return parse(args, count, &call) ? PyLong_FromLongLong(bytes(&call)) : nullptr;
}

PyObject *history_bytes(PyObject *, PyObject *const *args, Py_ssize_t count) {
    return size(recurrence_history_bytes, args, count);
}
PyObject *history_bytes2d(PyObject *, PyObject *const *args, Py_ssize_t count) {
    return size(lstm2d_history_bytes, args, count);
}

PyObject *isa(PyObject *, PyObject *) { return PyUnicode_FromString(selected_isa()); }

PyObject *short_products(PyObject *, PyObject *) { return PyBool_FromLong(has_short_products()); }

PyObject *select_isa(PyObject *, PyObject *name) {
    PyObject *bytes = PyUnicode_AsUTF8String(name);
    if (!bytes) return nullptr;
    const int unknown = ::select_isa(PyBytes_AsString(bytes));
    Py_DECREF(bytes);
    if (unknown) return PyErr_Format(PyExc_ValueError, "this machine has no instruction set %R", name);
    Py_RETURN_NONE;
}

// Buffer(bytes): pooled memory as a writable buffer, back in the pool when nothing refers to it any more.
struct Buffer {
    PyObject_HEAD char *data;
    Py_ssize_t bytes;
};

PyObject *buffer_new(PyTypeObject *type, PyObject *args, PyObject *) {
    Py_ssize_t bytes;
    if (!PyArg_ParseTuple(args, "n", &bytes)) return nullptr;
    if (bytes <= 0) return PyErr_Format(PyExc_ValueError, "a buffer has at least one byte, got %zd", bytes);
    PyObject *self = PyType_GenericAlloc(type, 0);
    if (!self) return nullptr;
    Buffer *buffer = reinterpret_cast<Buffer *>(self);
    buffer->data = pool_take(bytes);
    buffer->bytes = bytes;
    if (buffer->data) return self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

void buffer_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    pool_give(reinterpret_cast<Buffer *>(self)->data);
    reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

int buffer_get(PyObject *self, Py_buffer *view, int flags) {
    Buffer *buffer = reinterpret_cast<Buffer *>(self);
    return PyBuffer_FillInfo(view, self, buffer->data, buffer->bytes, 0, flags);
}

PyType_Slot buffer_slots[] = {{Py_tp_new, reinterpret_cast<void *>(buffer_new)},
                              {Py_tp_dealloc, reinterpret_cast<void *>(buffer_dealloc)},
                              {Py_bf_getbuffer, reinterpret_cast<void *>(buffer_get)},
                              {0, nullptr}};
PyType_Spec buffer_spec = {"attentive_rnn._native.Buffer", sizeof(Buffer), 0, Py_TPFLAGS_DEFAULT, buffer_slots};

// Stream(fields of a call, ...): the calls of a stack of layers, each with all but its data prepared;
// stream.step(x, h, c, window, h_last, c_last, window_last, output, attention) runs them. The layers' states lie one after
// the other, and so do the responses of their gates; the output is the last layer's h once more. None: not wanted.
struct Stream {
    PyObject_HEAD RecurrenceCall *calls;
    Py_ssize_t layers;
};

PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *) {
    const Py_ssize_t layers = PyTuple_Size(args);
    PyObject *self = PyType_GenericAlloc(type, 0);
    if (!self) return nullptr;
    Stream *stream = reinterpret_cast<Stream *>(self);
    stream->calls = static_cast<RecurrenceCall *>(PyMem_Calloc(layers ? layers : 1, sizeof(RecurrenceCall)));
    bool good = stream->calls != nullptr;
    if (!good) PyErr_NoMemory();
    for (; good && stream->layers < layers; stream->layers++) {
        PyObject *call = PyTuple_GetItem(args, stream->layers), *values[fields<RecurrenceCall>];
        const Py_ssize_t count = PyTuple_Size(call);
        for (Py_ssize_t i = 0; i < count && i < fields<RecurrenceCall>; i++) values[i] = PyTuple_GetItem(call, i);
        good = count >= 0 && parse(values, count, &stream->calls[stream->layers]);
    }
    if (good) return self;
    Py_DECREF(self);
    return nullptr;
}

void stream_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(reinterpret_cast<Stream *>(self)->calls);
    reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

PyObject *stream_step(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    if (count != 8 && count != 9) return PyErr_Format(PyExc_TypeError, "step takes 8 or 9 addresses, got %zd", count);
    char *tensors[9] = {};
    for (Py_ssize_t i = 0; i < count; i++) {
        tensors[i] = args[i] == Py_None ? nullptr : static_cast<char *>(PyLong_AsVoidPtr(args[i]));
        if (!tensors[i] && PyErr_Occurred()) return nullptr;
    }
    auto [x, h, c, window, h_last, c_last, window_last, output, attention] = tensors;
    const Stream *stream = reinterpret_cast<Stream *>(self);
    for (Py_ssize_t layer = 0; layer < stream->layers; layer++) {
        RecurrenceCall call = stream->calls[layer];
        call.x = x, call.h = h, call.c = c, call.window = window;
        call.h_last = h_last, call.c_last = c_last, call.window_last = window_last;
        call.output = output && layer == stream->layers - 1 ? output : h_last;
        call.attention = call.gate ? attention : nullptr;
        if (recurrence_forward(&call)) return PyErr_NoMemory();  // too short to be worth letting another thread in
        const int64_t state = call.rows * call.units * (call.is_double ? 8 : 4);
        x = h_last, h += state, h_last += state;
        if (c) c += state, c_last += state;
        const int64_t former = state * (call.lags ? call.lags + call.first_lag - 1 : 0);
        if (window) window += former, window_last += former;
        if (call.attention) attention += call.rows * call.inputs * (call.is_double ? 8 : 4);
    }
    Py_RETURN_NONE;
}

PyObject *set_pool_limit(PyObject *, PyObject *bytes) {
    const long long limit = PyLong_AsLongLong(bytes);
    if (limit == -1 && PyErr_Occurred()) return nullptr;
    pool_limit(limit);
    Py_RETURN_NONE;
}
PyObject *get_pool_bytes(PyObject *, PyObject *) { return PyLong_FromLongLong(pool_bytes()); }

template <class F>
PyCFunction method(F function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef stream_methods[] = {{"step", method(stream_step), METH_FASTCALL, "Run one step."},
                                {nullptr, nullptr, 0, nullptr}};
PyType_Slot stream_slots[] = {{Py_tp_new, reinterpret_cast<void *>(stream_new)},
                              {Py_tp_dealloc, reinterpret_cast<void *>(stream_dealloc)},
                              {Py_tp_methods, stream_methods},
                              {0, nullptr}};
PyType_Spec stream_spec = {"attentive_rnn._native.Stream", sizeof(Stream), 0, Py_TPFLAGS_DEFAULT, stream_slots};

PyMethodDef methods[] = {
    {"forward", method(forward), METH_FASTCALL, "Run an RecurrenceCall, given as its fields, forward."},
    {"backward", method(backward), METH_FASTCALL, "Run an RecurrenceCall, given as its fields, backward."},
    {"history_bytes", method(history_bytes), METH_FASTCALL,
     "The size of the history that a call's backward pass needs."},
    {"lstm2d_forward", method(forward2d), METH_FASTCALL, "Run an Lstm2dCall, given as its fields, forward."},
    {"lstm2d_backward", method(backward2d), METH_FASTCALL, "Run an Lstm2dCall, given as its fields, backward."},
    {"lstm2d_history_bytes", method(history_bytes2d), METH_FASTCALL,
     "The size of the history that an Lstm2dCall's backward pass needs."},
    {"isa", isa, METH_NOARGS, "The instruction set in use."},
    {"select_isa", select_isa, METH_O, "Use another instruction set that this machine has."},
    {"short_products", short_products, METH_NOARGS, "Whether short products are faster than others here."},
    {"pool_limit", set_pool_limit, METH_O, "Set the most bytes that are kept for later calls."},
    {"pool_bytes", get_pool_bytes, METH_NOARGS, "The bytes kept for later calls."},
    {nullptr, nullptr, 0, nullptr}};

int add_type(PyObject *module, const char *name, PyType_Spec *spec) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, nullptr);
    if (!type) return -1;
    const int failed = PyModule_AddObjectRef(module, name, type);
    Py_DECREF(type);
    return failed;
}
int add_fields(PyObject *module, const char *name, const Field *list, Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++) {
        PyObject *text = PyUnicode_FromFormat("%s: %s", list[i].name, list[i].kind);
        if (!text || PyTuple_SetItem(tuple, i, text)) Py_CLEAR(tuple);
    }
    const int failed = tuple ? PyModule_AddObjectRef(module, name, tuple) : -1;
    Py_XDECREF(tuple);
    return failed;
}
int execute(PyObject *module) {
    const bool good = !add_type(module, "Buffer", &buffer_spec) && !add_type(module, "Stream", &stream_spec) &&
                      !add_fields(module, "RECURRENCE_FIELDS", recurrence_fields, fields<RecurrenceCall>) &&
                      !add_fields(module, "LSTM2D_FIELDS", lstm2d_fields, fields<Lstm2dCall>);
    return good && !PyModule_AddIntConstant(module, "RECURRENCE_GATES", GATE_HARD + 1) ? 0 : -1;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void *>(execute)}, {0, nullptr}};
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The CPU kernels.", 0, methods, slots, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModuleDef_Init(&definition); }
