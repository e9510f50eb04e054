// Readers of messages by the ids of their schemas, each made when its id first comes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "plugins/formats/registry/schemas.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

template <class Reader>
class MessageSchemas {
 public:
  // What makes a reader of a schema's text; throws NOT_FOUND if that lacks what is wanted, and
  // DATA_LOSS if it cannot be read. `name`: of the schema, for sentences.
  using Make =
      std::function<std::unique_ptr<Reader>(const std::string& text, const std::string& name)>;

  // `type`: of the schemas, as registries call it. The connection outlives it.
  MessageSchemas(std::string type, const RegistryConnection& connection, const Host& host)
      : type_(std::move(type)), connection_(connection), host_(host) {}

  void Begin(Make make) {
    make_ = std::move(make);
    entries_.clear();
    last_ = nullptr;
    has_reader_ = false;
  }

  // A reader, or why there is none.
  struct Entry {
    std::unique_ptr<Reader> reader;
    std::string reason;
  };
  // Throws what FindSchema throws, and NOT_FOUND as long as no schema has what is wanted.
  const Entry& Find(uint32_t id) {
    if (last_ != nullptr && id == last_id_) return *last_;
    auto found = entries_.find(id);
    if (found == entries_.end()) found = entries_.emplace(id, New(id)).first;
    last_id_ = id;
    last_ = &found->second;
    return *last_;
  }

 private:
  static constexpr size_t kMost = 1000;

  Entry New(uint32_t id) {
    const std::string registry = "registry " + connection_.registry.value_or("");
    const std::string name = "schema " + std::to_string(id) + " of " + registry;
    if (entries_.size() >= kMost) {
      return {nullptr, "the message has " + name + ", the 1001st; no more are asked for"};
    }
    const auto schema = FindSchema(connection_, host_, id);
    if (!schema) {
      return {nullptr, "the message has schema " + std::to_string(id) + ", which " + registry +
                           " does not know"};
    }
    if (schema->type != type_) {
      return {nullptr, "the message has " + name + ", which is of type " + schema->type +
                           " and not of " + type_};
    }
    if (schema->has_references) {
      return {nullptr, "the message has " + name + ", which refers to others: that is not read"};
    }
    try {
      Entry entry = {make_(schema->text, name), ""};
      has_reader_ = true;
      return entry;
    } catch (const Error& error) {
      if (error.code() == THRONG_NOT_FOUND && !has_reader_) throw;
      return {nullptr, "the message has " + name + ": " + error.what()};
    }
  }

  const std::string type_;
  const RegistryConnection& connection_;
  const Host host_;
  Make make_;
  std::map<uint32_t, Entry> entries_;
  bool has_reader_ = false;
  uint32_t last_id_ = 0;
  const Entry* last_ = nullptr;
};

}  // namespace throng::plugins
