// Sources: somewhere -> bytes or messages. See source.h.
//
//   SourcePlace Open(const throng_start&)
//   void Read(int64_t wait_ms, throng_input&)      what it lends is valid until the next call
// and, if it has them,
//   void Kept(const KeptVisitor&)
//   void Probe(const ProbeVisitor&)
//   static constexpr uint32_t kModes               the one of THRONG_RECORDS_...; unless given,
//   STREAM
#ifndef THRONG_SDK_SOURCE_HPP_
#define THRONG_SDK_SOURCE_HPP_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "throng/sdk/component.hpp"
#include "throng/source.h"

namespace throng {

// See throng_place.
struct SourcePlace {
  std::vector<std::string> pieces = {};
  int64_t size = -1;
};

// Hands one thing after another to the host. What they point to is lent for the call.
template <class T>
class Visitor {
 public:
  Visitor(void* context, void (*visit)(void* context, const T* item))
      : context_(context), visit_(visit) {}
  void operator()(T item) const {
    item.struct_size = sizeof item;
    visit_(context_, &item);
  }

 private:
  void* context_;
  void (*visit_)(void* context, const T* item);
};
using KeptVisitor = Visitor<throng_kept>;
using ProbeVisitor = Visitor<throng_probe>;

namespace detail {

THRONG_DETAIL_MAY_HAVE(Kept)
THRONG_DETAIL_MAY_HAVE(Probe)

template <class T>
struct SourceInstance {
  SourceInstance(const throng_host* host, const throng_value* options)
      : source(Make<T>(host, options)) {}
  void Report(SourcePlace opened, throng_place* out) {
    place = std::move(opened);
    for (const std::string& piece : place.pieces) pieces.push_back(piece.c_str());
    out->pieces_count = static_cast<uint32_t>(pieces.size());
    out->pieces = pieces.data();
    out->size = place.size;
  }
  T source;
  SourcePlace place;
  std::vector<const char*> pieces;
};

template <class T>
throng_source MakeSourceTable() {
  using Instance = SourceInstance<T>;
  throng_source table = {.struct_size = sizeof(throng_source),
                         .modes = Modes<T>(),
                         .create = [](const throng_host* host, const throng_value* options,
                                      void** self, throng_error* error) -> throng_code {
                           return Guard(error, [&] { *self = new Instance(host, options); });
                         },
                         .destroy = [](void* self) { delete static_cast<Instance*>(self); },
                         .open = [](void* self, const throng_start* start, throng_place* place,
                                    throng_error* error) -> throng_code {
                           return Guard(error, [&] {
                             auto* instance = static_cast<Instance*>(self);
                             instance->Report(instance->source.Open(*start), place);
                           });
                         },
                         .read = [](void* self, int64_t wait_ms, throng_input* input,
                                    throng_error* error) -> throng_code {
                           return Guard(error, [&] {
                             input->mode = Modes<T>();
                             static_cast<Instance*>(self)->source.Read(wait_ms, *input);
                           });
                         },
                         .kept = nullptr,
                         .probe = nullptr};
  constexpr bool kKeeps = requires(T & source, const KeptVisitor& visit) { source.Kept(visit); };
  THRONG_DETAIL_CHECK(T, Kept, kKeeps, "void Kept(const KeptVisitor&)");
  if constexpr (kKeeps) {
    table.kept = [](void* self, void* context, void (*visit)(void*, const throng_kept*),
                    throng_error* error) -> throng_code {
      return Guard(error,
                   [&] { static_cast<Instance*>(self)->source.Kept(KeptVisitor(context, visit)); });
    };
  }
  constexpr bool kProbes = requires(T & source, const ProbeVisitor& visit) { source.Probe(visit); };
  THRONG_DETAIL_CHECK(T, Probe, kProbes, "void Probe(const ProbeVisitor&)");
  if constexpr (kProbes) {
    table.probe = [](void* self, void* context, void (*visit)(void*, const throng_probe*),
                     throng_error* error) -> throng_code {
      return Guard(
          error, [&] { static_cast<Instance*>(self)->source.Probe(ProbeVisitor(context, visit)); });
    };
  }
  return table;
}

template <class T>
const throng_source* SourceTable() {
  static const throng_source kTable = MakeSourceTable<T>();
  return &kTable;
}

}  // namespace detail

template <class T>
throng_component Source(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_SOURCE, name, doc, detail::SourceTable<T>());
}

}  // namespace throng

#endif  // THRONG_SDK_SOURCE_HPP_
