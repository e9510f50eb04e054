// Messages and their fields, of the text of a .proto file.
#include "plugins/formats/protobuf/proto_file.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr int kDeepest = 32;

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// Words, quoted texts and single other bytes; an empty one at the end.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) { Next(); }

  std::string_view token() const { return token_; }
  bool Is(std::string_view token) const { return token_ == token; }
  bool IsEnd() const { return token_.empty(); }
  std::string_view Take() {
    const std::string_view taken = token_;
    if (IsEnd()) Fail("ends too early");
    Next();
    return taken;
  }
  bool TakeIf(std::string_view token) {
    if (!Is(token)) return false;
    Next();
    return true;
  }
  void Expect(std::string_view token) {
    if (!TakeIf(token)) Fail("has no \"" + std::string(token) + "\" where one belongs");
  }
  // Up to and with a `;`, braces and what is in them included.
  void SkipStatement() {
    int depth = 0;
    while (true) {
      const std::string_view taken = Take();
      if (taken == "{") ++depth;
      if (taken == "}" && --depth <= 0) break;
      if (taken == ";" && depth == 0) break;
    }
    TakeIf(";");
  }
  [[noreturn]] void Fail(const std::string& reason) const {
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), '\n');
    throw Error(THRONG_DATA_LOSS,
                "a Protobuf schema that " + reason + " (line " + std::to_string(line + 1) + ").");
  }

 private:
  void Next() {
    SkipSpace();
    const size_t start = at_;
    if (at_ < text_.size() && IsWordByte(text_[at_])) {
      while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
    } else if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const char quote = text_[at_++];
      while (at_ < text_.size() && text_[at_] != quote)
        at_ += text_[at_] == '\\' ? size_t{2} : size_t{1};
      at_ = std::min(at_ + 1, text_.size());
    } else if (at_ < text_.size()) {
      ++at_;
    }
    token_ = text_.substr(start, at_ - start);
  }
  void SkipSpace() {
    while (at_ < text_.size()) {
      if (text_[at_] <= ' ' && text_[at_] >= 0) {
        ++at_;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        break;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string_view token_;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(text) {}

  std::vector<ProtoMessage> File() {
    std::vector<ProtoMessage> messages;
    while (!tokens_.IsEnd()) {
      if (tokens_.TakeIf("message")) {
        messages.push_back(Message(0));
      } else if (tokens_.TakeIf("syntax")) {
        tokens_.Expect("=");
        const std::string_view syntax = tokens_.Take();
        is_implicit_ = syntax.find("proto3") != std::string_view::npos;
        tokens_.Expect(";");
      } else {
        tokens_.SkipStatement();
      }
    }
    return messages;
  }

 private:
  ProtoMessage Message(int depth) {
    if (depth > kDeepest) tokens_.Fail("is nested more than 32 deep");
    ProtoMessage message;
    message.name = tokens_.Take();
    tokens_.Expect("{");
    while (!tokens_.TakeIf("}")) {
      if (tokens_.TakeIf(";")) continue;
      if (tokens_.TakeIf("message")) {
        message.messages.push_back(Message(depth + 1));
      } else if (tokens_.TakeIf("oneof")) {
        tokens_.Take();
        tokens_.Expect("{");
        while (!tokens_.TakeIf("}")) {
          if (tokens_.TakeIf("option")) {
            tokens_.SkipStatement();
          } else {
            message.fields.push_back(Field());
            message.fields.back().is_optional = true;
          }
        }
      } else if (IsOther(tokens_.token())) {
        tokens_.SkipStatement();
      } else {
        message.fields.push_back(Field());
      }
    }
    return message;
  }

  static bool IsOther(std::string_view token) {
    constexpr std::string_view kOthers[] = {"enum", "extend", "extensions", "option", "reserved"};
    return std::find(std::begin(kOthers), std::end(kOthers), token) != std::end(kOthers);
  }

  ProtoField Field() {
    ProtoField field;
    field.is_optional = !is_implicit_;
    if (tokens_.TakeIf("optional") || tokens_.TakeIf("required")) field.is_optional = true;
    const bool is_repeated = tokens_.TakeIf("repeated");
    const std::string_view type = tokens_.Take();
    if (type == "map") {
      while (tokens_.Take() != ">") continue;
    }
    field.type = is_repeated || type == "map" ? ProtoType::kRepeated : TypeOf(type, &field);
    field.name = tokens_.Take();
    tokens_.Expect("=");
    const std::string_view number = tokens_.Take();
    const char* const end = number.data() + number.size();
    if (std::from_chars(number.data(), end, field.number).ptr != end || field.number == 0) {
      tokens_.Fail("has a field without a number");
    }
    if (tokens_.Is("{")) {  // of a group
      field.type = ProtoType::kNamed;
    }
    tokens_.SkipStatement();
    return field;
  }

  static ProtoType TypeOf(std::string_view type, ProtoField* field) {
    constexpr std::string_view kPlain[] = {"int32", "int64", "uint32", "uint64",
                                           "bool",  "float", "double"};
    constexpr std::string_view kFixed[] = {"fixed32", "fixed64", "sfixed32", "sfixed64"};
    const auto is_one_of = [type](const auto& names) {
      return std::find(std::begin(names), std::end(names), type) != std::end(names);
    };
    if (type == "string" || type == "bytes") return ProtoType::kByWire;
    field->is_number = true;
    if (is_one_of(kPlain)) return ProtoType::kByWire;
    if (is_one_of(kFixed)) return ProtoType::kFixed;
    if (type == "sint32" || type == "sint64") return ProtoType::kSigned;
    field->is_number = false;
    if (type.ends_with("google.protobuf.Timestamp") || type == "Timestamp") {
      return ProtoType::kTimestamp;
    }
    return ProtoType::kNamed;
  }

  Tokens tokens_;
  bool is_implicit_ = false;  // proto3: what is not set is not told from its default
};

}  // namespace

std::vector<ProtoMessage> ParseProtoFile(std::string_view text) { return Parser(text).File(); }

}  // namespace throng::plugins
