// A format plugin loaded from its file and driven through the C contract, with tables to feed it:
// for the tests and the bench of the formats.
#ifndef THRONG_TESTS_PLUGINS_LOADED_FORMAT_H_
#define THRONG_TESTS_PLUGINS_LOADED_FORMAT_H_

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "throng/plugin.h"

namespace throng {

struct TableColumn {
  using Values = std::variant<std::vector<int64_t>, std::vector<int32_t>, std::vector<uint8_t>,
                              std::vector<double>>;
  uint32_t type = 0;
  std::string name;
  Values values;
  std::string prefix = "";
  std::vector<std::string> labels = {};
  bool is_extra = false;
  bool is_nullable = false;
  uint32_t id_style = THRONG_ID_TEXT;
  int64_t id_first = 1;
  uint64_t id_key = 0;
  uint32_t field_number = 0;  // 0: its place, from 1
  std::string doc = "";
  int64_t id_count = 0;
};

// Rows from `first_row` on, and their schema.
class Table {
 public:
  Table(std::string name, std::vector<TableColumn> columns, int64_t first_row = 0)
      : name_(std::move(name)), columns_(std::move(columns)), first_row_(first_row) {
    labels_.reserve(columns_.size());
    for (const TableColumn& column : columns_) {
      std::vector<const char*>& labels = labels_.emplace_back();
      for (const std::string& label : column.labels) labels.push_back(label.c_str());
      schema_columns_.push_back({.struct_size = sizeof(throng_column),
                                 .type = column.type,
                                 .flags = FlagsOf(column),
                                 .labels_count = static_cast<uint32_t>(labels.size()),
                                 .id_style = column.id_style,
                                 .name = column.name.c_str(),
                                 .doc = column.doc.c_str(),
                                 .prefix = column.prefix.c_str(),
                                 .labels = labels.data(),
                                 .id_first = column.id_first,
                                 .id_key = column.id_key,
                                 .field_number = column.field_number != 0
                                                     ? column.field_number
                                                     : static_cast<uint32_t>(labels_.size()),
                                 .id_count = column.id_count});
    }
    for (const throng_column& column : schema_columns_) pointers_.push_back(&column);
    schema_ = {.struct_size = sizeof(throng_schema),
               .columns_count = static_cast<uint32_t>(pointers_.size()),
               .table = name_.c_str(),
               .columns = pointers_.data()};
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const std::vector<TableColumn>& columns() const { return columns_; }
  const throng_schema& schema() const { return schema_; }
  int64_t first_row() const { return first_row_; }
  size_t rows() const {
    return std::visit([](const auto& values) { return values.size(); }, columns_[0].values);
  }
  // All rows of a topic or file named `name`, without slices or a key.
  throng_destination Destination(uint32_t mode, const char* name) const {
    return {.struct_size = sizeof(throng_destination),
            .mode = mode,
            .schema = &schema_,
            .key_column = -1,
            .slice_mode = THRONG_SLICE_CONTIGUOUS,
            .slice_index = 0,
            .slice_count = 1,
            .name = name,
            .fingerprint = {"0123456789abcdef0123456789abcdef", 32},
            .created = 1705314600999,
            .users = 500,
            .items = 1000,
            .interactions = 50000,
            .rows = static_cast<int64_t>(rows()),
            .first_row = first_row_,
            .state = {"", 0}};
  }
  // The columns of a throng_block that starts `offset` rows down.
  std::vector<const void*> At(size_t offset) const {
    std::vector<const void*> columns;
    for (const TableColumn& column : columns_) {
      columns.push_back(
          std::visit([&](const auto& values) -> const void* { return values.data() + offset; },
                     column.values));
    }
    return columns;
  }

 private:
  static uint32_t FlagsOf(const TableColumn& column) {
    return (column.is_extra ? uint32_t{THRONG_COLUMN_EXTRA} : 0) |
           (column.is_nullable ? uint32_t{THRONG_COLUMN_NULLABLE} : 0);
  }

  std::string name_;
  std::vector<TableColumn> columns_;
  int64_t first_row_;
  std::vector<std::vector<const char*>> labels_;
  std::vector<throng_column> schema_columns_;
  std::vector<const throng_column*> pointers_;
  throng_schema schema_ = {};
};

struct FormatFailure : std::runtime_error {
  FormatFailure(throng_code code_of, const throng_error& error)
      : std::runtime_error(error.message), code(code_of), option(error.option) {}
  throng_code code;
  std::string option;
};

// An instance of the only component of the plugin in `file`. Options are ENUMs, BOOLs, INT64s and
// STRINGs.
class LoadedFormat {
 public:
  explicit LoadedFormat(const char* file, const std::map<std::string, std::string>& options = {},
                        const throng_host* host = &kHost) {
    library_ = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw std::runtime_error(dlerror());
    const auto entry =
        reinterpret_cast<const throng_plugin* (*)()>(dlsym(library_, "throng_plugin_v1"));
    component_ = entry()->components[0];
    format_ = static_cast<const throng_format*>(component_->functions);
    std::vector<throng_value> values;
    for (const throng_option* const* o = component_->options; *o != nullptr; ++o) {
      throng_value& value = values.emplace_back();
      const auto given = options.find((*o)->name);
      if (given == options.end()) continue;
      value.is_set = 1;
      value.text = {given->second.data(), given->second.size()};
      if ((*o)->type == THRONG_OPTION_INT64) value.integer = std::stoll(given->second);
      if ((*o)->type == THRONG_OPTION_BOOL) value.integer = given->second == "true" ? 1 : 0;
      if ((*o)->type != THRONG_OPTION_ENUM) continue;
      while (given->second != (*o)->choices[value.integer]) ++value.integer;
    }
    Check(component_->validate(values.data(), &error_));
    Check(format_->create(host, values.data(), &self_, &error_));
  }
  ~LoadedFormat() {
    if (self_ != nullptr) format_->destroy(self_);
    std::free(buffer_.data);
    dlclose(library_);
  }
  LoadedFormat(const LoadedFormat&) = delete;
  LoadedFormat& operator=(const LoadedFormat&) = delete;

  const throng_component& component() const { return *component_; }
  uint32_t modes() const { return format_->modes; }

  std::string Begin(const throng_destination& destination) {
    throng_prologue prologue = {};
    prologue.struct_size = sizeof prologue;
    Check(format_->begin(self_, &destination, &prologue, &error_));
    cut_rows_ = prologue.cut_rows;
    state_.assign(prologue.state.data, prologue.state.size);
    return {prologue.bytes.data, prologue.bytes.size};
  }
  // As the last begin said.
  uint32_t cut_rows() const { return cut_rows_; }
  const std::string& state() const { return state_; }
  // Appends to buffer(); for messages, gives the ends of keys and values.
  void Encode(const throng_block& block) {
    Check(format_->encode(self_, &block, &buffer_, &error_));
  }
  void End(int64_t rows, const char* statistics) {
    throng_summary summary{};
    summary.struct_size = sizeof summary;
    summary.rows = rows;
    summary.statistics = statistics;
    std::vector<throng_note> notes = notes_;
    for (size_t i = 0; i < notes.size(); ++i) {
      notes[i].note = {note_texts_[i].data(), note_texts_[i].size()};
    }
    summary.notes = notes.data();
    summary.notes_count = static_cast<uint32_t>(notes.size());
    Check(format_->end(self_, &summary, &buffer_, &error_));
  }
  std::string_view buffer() const { return {buffer_.data, buffer_.size}; }
  // Keeps the memory.
  void Rewind() { buffer_.size = 0; }
  // Keeps nothing, so that AddressSanitizer sees a byte written beyond what is asked for.
  void Clear() {
    std::free(buffer_.data);
    buffer_.data = nullptr;
    buffer_.size = buffer_.capacity = 0;
  }

  // The key and value of each row of a table, encoded at once.
  std::vector<std::pair<std::string, std::string>> Messages(const Table& table) {
    const std::vector<const void*> columns = table.At(0);
    std::vector<uint32_t> key_end(table.rows());
    std::vector<uint32_t> value_end(table.rows());
    Clear();
    Encode({.struct_size = sizeof(throng_block),
            .rows = static_cast<uint32_t>(table.rows()),
            .first_row = table.first_row(),
            .columns = columns.data(),
            .key_end = key_end.data(),
            .value_end = value_end.data()});
    std::vector<std::pair<std::string, std::string>> messages;
    size_t start = 0;
    for (size_t row = 0; row < table.rows(); ++row) {
      messages.emplace_back(buffer().substr(start, key_end[row] - start),
                            buffer().substr(key_end[row], value_end[row] - key_end[row]));
      start = value_end[row];
    }
    return messages;
  }

  // The whole stream of a table, encoded in blocks of `block_rows`.
  std::string Stream(const Table& table, const throng_destination& destination, size_t block_rows,
                     const char* statistics = "{}") {
    std::string text = Begin(destination);
    notes_.clear();
    note_texts_.clear();
    for (size_t first = 0; first < table.rows(); first += block_rows) {
      const std::vector<const void*> columns = table.At(first);
      const size_t rows = std::min(block_rows, table.rows() - first);
      Clear();
      Encode({.struct_size = sizeof(throng_block),
              .rows = static_cast<uint32_t>(rows),
              .first_row = table.first_row() + static_cast<int64_t>(first),
              .columns = columns.data(),
              .key_end = nullptr,
              .value_end = nullptr});
      KeepNote(static_cast<int64_t>(text.size()), static_cast<int64_t>(rows));
      text.append(buffer());
    }
    Clear();
    End(static_cast<int64_t>(table.rows()), statistics);
    return text.append(buffer());
  }

 private:
  static constexpr throng_host kHost = {
      .struct_size = sizeof(throng_host),
      .self = nullptr,
      .log = [](const void* /*self*/, int32_t /*level*/, const char* /*message*/) {},
      .is_cancelled = [](const void* /*self*/) -> int32_t { return 0; },
      .get_extension = [](const void* /*self*/, const char* /*name*/) -> const void* {
        return nullptr;
      }};

  static int32_t Reserve(throng_buffer* buffer, size_t bytes) {
    auto* const data = static_cast<char*>(std::realloc(buffer->data, buffer->size + bytes));
    if (data == nullptr) return 0;
    buffer->data = data;
    buffer->capacity = buffer->size + bytes;
    return 1;
  }
  // Of the block that is in the buffer, and lies at `offset` of the stream.
  void KeepNote(int64_t offset, int64_t rows) {
    if (buffer_.note.data == nullptr) return;
    note_texts_.emplace_back(buffer_.note.data, buffer_.note.size);
    notes_.push_back({offset, static_cast<int64_t>(buffer_.size), rows, {}});
    buffer_.note = {};
  }
  void Check(throng_code code) const {
    if (code != THRONG_OK) throw FormatFailure(code, error_);
  }

  void* library_ = nullptr;
  const throng_component* component_ = nullptr;
  const throng_format* format_ = nullptr;
  void* self_ = nullptr;
  uint32_t cut_rows_ = 0;
  std::string state_;
  std::vector<throng_note> notes_;  // of the stream, their texts apart
  std::vector<std::string> note_texts_;
  throng_error error_ = {sizeof(throng_error), {}, {}};
  throng_buffer buffer_ = {sizeof(throng_buffer), nullptr, 0, 0, &Reserve, {}};
};

// The table of interactions with its four own columns.
inline std::vector<TableColumn> InteractionColumns(std::vector<int64_t> users,
                                                   std::vector<int64_t> items,
                                                   std::vector<int32_t> ratings,
                                                   std::vector<int64_t> times) {
  return {{THRONG_COLUMN_ID, "user_id", std::move(users), "user_"},
          {THRONG_COLUMN_ID, "item_id", std::move(items), "item_"},
          {THRONG_COLUMN_RATING, "rating", std::move(ratings)},
          {THRONG_COLUMN_TIMESTAMP, "timestamp", std::move(times)}};
}

}  // namespace throng

#endif  // THRONG_TESTS_PLUGINS_LOADED_FORMAT_H_
