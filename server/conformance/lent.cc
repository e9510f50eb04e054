#include "server/conformance/lent.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace throng {

void LentMemory::TakeBack() {
  for (const Chunk& chunk : chunks_) {
    // Gives the pages back, and keeps the addresses.
    void* kept = mmap(chunk.data, chunk.capacity, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (kept == MAP_FAILED) std::abort();
  }
  chunks_.clear();
}

void* LentMemory::Allocate(size_t bytes) {
  constexpr size_t kChunk = size_t{1} << 20;
  constexpr size_t kAlignment = alignof(std::max_align_t);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (chunks_.empty() || chunks_.back().capacity - chunks_.back().size < bytes) {
    const size_t capacity = std::max(kChunk, (bytes + kChunk - 1) / kChunk * kChunk);
    void* data =
        mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) std::abort();
    chunks_.push_back({static_cast<char*>(data), capacity, 0});
  }
  Chunk& chunk = chunks_.back();
  void* result = chunk.data + chunk.size;
  chunk.size += bytes;
  return result;
}

const char* LentMemory::Text(const char* text) {
  return text == nullptr ? nullptr : Copy(text, std::strlen(text) + 1);
}

throng_bytes LentMemory::Bytes(throng_bytes bytes) {
  auto* copy = static_cast<char*>(Allocate(bytes.size + 1));
  if (bytes.size > 0) std::memcpy(copy, bytes.data, bytes.size);
  copy[bytes.size] = '\0';
  return {copy, bytes.size};
}

const char* const* LentMemory::Texts(const char* const* texts, size_t count) {
  if (texts == nullptr) return nullptr;
  auto* copies = Copy(texts, count);
  for (size_t i = 0; i < count; ++i) copies[i] = Text(texts[i]);
  return copies;
}

const throng_value* LentMemory::Options(const throng_value* values, size_t count) {
  auto* copies = Copy(values, count);
  for (size_t i = 0; i < count; ++i) {
    throng_value& value = copies[i];
    if (value.text.data != nullptr) value.text = Bytes(value.text);
    if (value.list != nullptr) value.list = Copy(value.list, value.count);
    value.keys = Texts(value.keys, value.count);
    value.texts = Texts(value.texts, value.count);
  }
  return copies;
}

const throng_schema* LentMemory::Schema(const throng_schema& schema) {
  auto* copy = Copy(schema);
  auto* columns = Copy(schema.columns, schema.columns_count);
  for (uint32_t i = 0; i < schema.columns_count; ++i) {
    auto* column = Copy(*schema.columns[i]);
    column->name = Text(column->name);
    column->doc = Text(column->doc);
    column->prefix = Text(column->prefix);
    column->labels = Texts(column->labels, column->labels_count);
    columns[i] = column;
  }
  copy->table = Text(copy->table);
  copy->columns = columns;
  return copy;
}

const throng_world* LentMemory::World(const throng_world& world) {
  auto* copy = Copy(world);
  auto* clusters = Copy(world.clusters, world.clusters_count);
  for (uint32_t i = 0; i < world.clusters_count; ++i) {
    auto* cluster = Copy(*world.clusters[i]);
    cluster->name = Text(cluster->name);
    clusters[i] = cluster;
  }
  auto* categories = Copy(world.categories, world.categories_count);
  for (uint32_t i = 0; i < world.categories_count; ++i) {
    auto* category = Copy(*world.categories[i]);
    category->name = Text(category->name);
    categories[i] = category;
  }
  copy->clusters = clusters;
  copy->categories = categories;
  return copy;
}

const throng_kind* const* LentMemory::Kinds(const throng_kind* const* kinds, size_t count) {
  auto* copies = Copy(kinds, count);
  for (size_t i = 0; i < count; ++i) {
    auto* kind = Copy(*kinds[i]);
    kind->name = Text(kind->name);
    copies[i] = kind;
  }
  return copies;
}

const throng_batch* LentMemory::Batch(const throng_batch& batch) {
  auto* copy = Copy(batch);
  copy->segments = Copy(copy->segments, static_cast<size_t>(copy->segments_count) + 1);
  return copy;
}

const throng_target* LentMemory::Target(const throng_target& target) {
  auto* copy = Copy(target);
  copy->run_uid = Text(copy->run_uid);
  copy->output = Text(copy->output);
  copy->identity = Text(copy->identity);
  return copy;
}

const throng_records* LentMemory::Records(const throng_records& records) {
  auto* copy = Copy(records);
  copy->bytes = Bytes(copy->bytes);
  if (copy->key_end != nullptr) copy->key_end = Copy(copy->key_end, copy->rows);
  if (copy->value_end != nullptr) copy->value_end = Copy(copy->value_end, copy->rows);
  if (copy->event_time != nullptr) copy->event_time = Copy(copy->event_time, copy->rows);
  return copy;
}

const throng_completion* LentMemory::Completion(const throng_completion& completion) {
  auto* copy = Copy(completion);
  copy->epilogue = Bytes(copy->epilogue);
  copy->manifest = Text(copy->manifest);
  return copy;
}

const throng_summary* LentMemory::Summary(const throng_summary& summary) {
  auto* copy = Copy(summary);
  copy->statistics = Text(copy->statistics);
  auto* notes = Copy(copy->notes, copy->notes_count);
  for (uint32_t i = 0; i < copy->notes_count; ++i) notes[i].note = Bytes(notes[i].note);
  copy->notes = notes;
  return copy;
}

const throng_destination* LentMemory::Destination(const throng_destination& destination) {
  auto* copy = Copy(destination);
  copy->name = Text(copy->name);
  copy->fingerprint = Bytes(copy->fingerprint);
  copy->state = Bytes(copy->state);
  return copy;
}

}  // namespace throng
