#include "server/host/readers.h"

#include <utility>

#include "server/control/plain_text.h"

namespace throng {
namespace {

constexpr size_t kMostHostStateBytes = size_t{1} << 30;
constexpr uint32_t kMostPieces = 1 << 20;

std::string Text(const char* text) { return text == nullptr ? "" : PlainText(text); }

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> Source::Create(const Component& component,
                                                       const Environment& environment,
                                                       const throng_value* options) {
  std::unique_ptr<Source> made(new Source(component, environment));
  absl::Status status = made->TryCreate([&](const throng_host* host, void** self, throng_error* e) {
    return component.source.create(host, options, self, e);
  });
  if (!status.ok()) return status;
  return made;
}

Source::~Source() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.source.destroy(self_); });
}

absl::StatusOr<OpenedPlace> Source::Open(const throng_start& start) {
  throng_place place{};
  place.struct_size = sizeof place;
  absl::Status status = Try(
      kNoRow, [&](throng_error* e) { return component_.source.open(self_, &start, &place, e); });
  if (!status.ok()) return status;
  if (place.pieces_count > kMostPieces || (place.pieces_count > 0 && place.pieces == nullptr)) {
    return Fault("opened a place of {} pieces{}; {} are allowed.", place.pieces_count,
                 place.pieces == nullptr ? " at NULL" : "", kMostPieces);
  }
  OpenedPlace opened{.pieces = {}, .size = place.size};
  for (uint32_t i = 0; i < place.pieces_count; ++i) opened.pieces.push_back(Text(place.pieces[i]));
  pieces_ = opened.pieces.size();
  return opened;
}

absl::Status Source::Read(int64_t wait_ms, throng_input* input) {
  *input = {};
  input->struct_size = sizeof *input;
  absl::Status status = Try(
      kNoRow, [&](throng_error* e) { return component_.source.read(self_, wait_ms, input, e); });
  if (!status.ok()) return status;
  if (input->bytes.size > 0 && input->bytes.data == nullptr) {
    return Fault("gave {} bytes at NULL.", input->bytes.size);
  }
  if (input->messages_count > 0 && input->messages == nullptr) {
    return Fault("gave {} messages at NULL.", input->messages_count);
  }
  if (input->bytes.size > 0 && input->piece >= pieces_) {
    return Fault("gave bytes of piece {}, and has {} pieces.", input->piece, pieces_);
  }
  for (uint32_t i = 0; i < input->messages_count; ++i) {
    if (input->messages[i].piece < pieces_) continue;
    return Fault("gave a message of piece {}, and has {} pieces.", input->messages[i].piece,
                 pieces_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<KeptPosition>> Source::Kept() {
  if (component_.source.kept == nullptr) {
    return absl::UnimplementedError("the source cannot be asked for positions.");
  }
  struct Context {
    Source* source;
    std::vector<KeptPosition> positions;
    absl::Status status;
  } context{this, {}, {}};
  const auto visit = [](void* self, const throng_kept* kept) {
    auto* taken = static_cast<Context*>(self);
    auto state = taken->source->Take(kept->host_state, kMostHostStateBytes, "a host state");
    if (!state.ok()) return taken->status.Update(state.status());
    taken->positions.push_back({.run_uid = Text(kept->run_uid),
                                .output = Text(kept->output),
                                .slice_mode = kept->slice_mode,
                                .slice_index = kept->slice_index,
                                .slice_count = kept->slice_count,
                                .part = kept->part,
                                .position = kept->position,
                                .is_complete = kept->is_complete != 0,
                                .host_state = *std::move(state)});
  };
  absl::Status status = Try(kNoRow, [&](throng_error* error) {
    return component_.source.kept(self_, &context, visit, error);
  });
  status.Update(context.status);
  if (!status.ok()) return status;
  return std::move(context.positions);
}

absl::Status Source::Probe(const std::function<void(const ProbeStep&)>& visit) {
  if (component_.source.probe == nullptr) {
    return absl::UnimplementedError("the source cannot be probed.");
  }
  const auto step = [](void* self, const throng_probe* probe) {
    const std::string sentence = Text(probe->sentence);
    (*static_cast<const std::function<void(const ProbeStep&)>*>(self))(
        {.status = probe->code == THRONG_OK
                       ? absl::OkStatus()
                       : absl::Status(static_cast<absl::StatusCode>(probe->code), sentence),
         .name = Text(probe->name),
         .sentence = sentence,
         .seconds = probe->seconds});
  };
  return Try(kNoRow, [&](throng_error* error) {
    return component_.source.probe(
        self_, const_cast<std::function<void(const ProbeStep&)>*>(&visit), step, error);
  });
}

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(const Component& component,
                                                         const Environment& environment,
                                                         const throng_value* options) {
  std::unique_ptr<Decoder> made(new Decoder(component, environment));
  absl::Status status = made->TryCreate([&](const throng_host* host, void** self, throng_error* e) {
    return component.decoder.create(host, options, self, e);
  });
  if (!status.ok()) return status;
  return made;
}

Decoder::~Decoder() {
  if (self_ != nullptr) Enter(kNoRow, [this] { component_.decoder.destroy(self_); });
}

absl::Status Decoder::Begin(const throng_origin& origin) {
  return Try(kNoRow,
             [&](throng_error* error) { return component_.decoder.begin(self_, &origin, error); });
}

absl::Status Decoder::Decode(const throng_input& input, throng_decoded* decoded) {
  const bool is_stream = input.mode == THRONG_RECORDS_STREAM;
  const size_t given = is_stream ? input.bytes.size : input.messages_count;
  decoded->rows = decoded->damages_count = 0;
  decoded->consumed = 0;
  decoded->damages = nullptr;
  absl::Status status = Try(input.offset, [&](throng_error* error) {
    return component_.decoder.decode(self_, &input, decoded, error);
  });
  if (decoded->rows > decoded->capacity || decoded->consumed > given ||
      (decoded->damages_count > 0 && decoded->damages == nullptr)) {
    return Fault("decoded {} rows of {} wrong: {} of {} consumed, {} damages{}.", decoded->rows,
                 decoded->capacity, decoded->consumed, given, decoded->damages_count,
                 decoded->damages == nullptr ? " at NULL" : "");
  }
  for (uint32_t i = 0; i < decoded->damages_count; ++i) {
    if (decoded->damages[i].row <= decoded->rows) continue;
    return Fault("put a damage after {} rows of {}.", decoded->damages[i].row, decoded->rows);
  }
  const bool stands = decoded->rows == 0 && decoded->damages_count == 0 && decoded->consumed == 0;
  if (status.ok() && given > 0 && stands) return Fault("does not go on: it took nothing.");
  return status;
}

}  // namespace throng
