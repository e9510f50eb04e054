// Decoders: bytes or messages -> rows. See source.h.
//
//   void Begin(const throng_origin&)
//   void Decode(const throng_input&, throng_decoded&)   damages are valid until the next call
// and, if it has it,
//   static constexpr uint32_t kModes            THRONG_RECORDS_...; unless given, STREAM
#ifndef THRONG_SDK_DECODER_HPP_
#define THRONG_SDK_DECODER_HPP_

#include <cstdint>

#include "throng/sdk/component.hpp"
#include "throng/source.h"

namespace throng {
namespace detail {

template <class T>
const throng_decoder* DecoderTable() {
  static const throng_decoder kTable = {
      .struct_size = sizeof(throng_decoder),
      .modes = Modes<T>(),
      .create = [](const throng_host* host, const throng_value* options, void** self,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] { *self = new T(Make<T>(host, options)); });
      },
      .destroy = [](void* self) { delete static_cast<T*>(self); },
      .begin = [](void* self, const throng_origin* origin, throng_error* error) -> throng_code {
        return Guard(error, [&] { static_cast<T*>(self)->Begin(*origin); });
      },
      .decode = [](void* self, const throng_input* input, throng_decoded* decoded,
                   throng_error* error) -> throng_code {
        return Guard(error, [&] { static_cast<T*>(self)->Decode(*input, *decoded); });
      }};
  return &kTable;
}

}  // namespace detail

template <class T>
throng_component Decoder(const char* name, const char* doc) {
  return detail::Component<T>(THRONG_ROLE_DECODER, name, doc, detail::DecoderTable<T>());
}

}  // namespace throng

#endif  // THRONG_SDK_DECODER_HPP_
