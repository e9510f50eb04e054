// Reads a message by reflection.
#include "server/spec/message_reader.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "proto/option_text.h"
#include "throng/v1/spec.pb.h"

namespace throng {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = SpecNode::Kind;

std::vector<std::string> FieldNames(const Descriptor& descriptor) {
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(descriptor.field_count()));
  for (int i = 0; i < descriptor.field_count(); ++i) names.push_back(descriptor.field(i)->name());
  return names;
}

// `TABLE_USERS` is written `users`: without what it shares with `TABLE_UNSPECIFIED`, in lower case.
std::string EnumText(const EnumDescriptor& type, int index) {
  constexpr std::string_view kUnspecified = "UNSPECIFIED";
  std::string text =
      type.value(index)->name().substr(type.value(0)->name().size() - kUnspecified.size());
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// `component: null` names the sink `null`, though YAML takes the word for something else.
bool IsTheSinkNull(const SpecMember& member, const Descriptor& type) {
  return member.value.kind == Kind::kNull && member.value.text == "null" &&
         member.key == "component" && &type == v1::Component::descriptor();
}

// `inner` is `outer` or lies within it.
bool IsWithin(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || outer.empty() ||
                                      inner[outer.size()] == '.' || inner[outer.size()] == '[');
}

// Where empty text would be taken for a field that is not given, it is nobody's intention, unless
// that means the same. Of a dataset's preset and size it is said that they are unknown.
bool MayBeEmpty(const FieldDescriptor& text) {
  return text.has_presence() || text.full_name() == "throng.v1.Cluster.prefers" ||
         text.containing_type() == v1::DatasetSpec::descriptor();
}

void DropOldOptions(const SpecNode& node, v1::Component* component) {
  for (const SpecMember& member : node.members) {
    const bool names =
        member.value.kind == Kind::kScalar || IsTheSinkNull(member, *component->GetDescriptor());
    if (member.key == "component" && names && member.value.text != component->component()) {
      component->clear_options();
    }
  }
}

// A scalar as written; a list of scalars as `[a, b]`.
std::optional<std::string> OptionText(const SpecNode& node) {
  if (node.kind == Kind::kScalar) return node.text;
  if (node.kind != Kind::kList) return std::nullopt;
  std::string text;
  for (const SpecNode& item : node.items) {
    if (item.kind != Kind::kScalar) return std::nullopt;
    text += (text.empty() ? "" : ", ") + item.text;
  }
  return "[" + text + "]";
}

}  // namespace

std::string Found(const SpecNode& node) {
  constexpr size_t kLongest = 60;
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "fields";
    case Kind::kScalar:
      break;
  }
  if (node.text.size() <= kLongest) return '"' + node.text + '"';
  size_t end = kLongest;
  while ((static_cast<unsigned char>(node.text[end]) & 0xC0U) == 0x80U) --end;  // a whole character
  return '"' + node.text.substr(0, end) + "...\"";
}

void MessageReader::Apply(const SpecNode& root, Message* message) {
  ReadMessage(root, "", message);
}

void MessageReader::AddWhatDoesNotFollow(const Problems& found) {
  for (const Problem& problem : found) {
    bool follows = false;
    for (const std::string& path : mistaken_) {
      follows = follows || IsWithin(path, problem.field) || IsWithin(problem.field, path);
    }
    if (follows) continue;
    const SpecPlace* place = PlaceOf(problem.field);
    problems_->push_back(place == nullptr ? problem
                                          : ProblemAt(*place, problem.field, problem.message));
  }
}

void MessageReader::Add(const SpecPlace& place, const std::string& path, std::string message) {
  problems_->push_back(ProblemAt(place, path, std::move(message)));
  mistaken_.push_back(path);
}

// `node` breaks the rule ("Must be text").
void MessageReader::Refuse(const SpecNode& node, const std::string& path, std::string_view rule) {
  Add(node.place, path, fmt::format("{}, found {}.", rule, Found(node)));
}

// Where `field`, or the nearest that encloses it, was given; nullptr: nowhere.
const SpecPlace* MessageReader::PlaceOf(std::string_view field) const {
  for (;;) {
    if (const auto found = places_.find(field); found != places_.end()) return &found->second;
    const size_t end = field.find_last_of(".[");
    if (end == std::string_view::npos) return nullptr;
    field = field.substr(0, end);
  }
}

void MessageReader::ReadMessage(const SpecNode& node, const std::string& path, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  if (node.kind != Kind::kMap) {
    return Refuse(node, path,
                  fmt::format("Must hold fields ({})", fmt::join(FieldNames(type), ", ")));
  }
  for (const SpecMember& member : node.members) {
    const std::string member_path = JoinField(path, member.key);
    const FieldDescriptor* field = type.FindFieldByName(member.key);
    if (field == nullptr) {
      const auto known = FieldNames(type);
      Add(member.place, member_path,
          fmt::format("Unknown field \"{}\".{}", member.key, DidYouMean(member.key, known)));
      if (const auto nearest = NearestName(member.key, known)) {
        mistaken_.push_back(JoinField(path, *nearest));
      }
      continue;
    }
    if (IsTheSinkNull(member, type)) {
      places_[member_path] = member.place;
      message->GetReflection()->SetString(message, field, member.value.text);
      continue;
    }
    if (member.value.kind == Kind::kNull) {
      if (member_path == null_clears_) {
        message->GetReflection()->ClearField(message, field);
        places_[member_path] = member.place;
      }
      continue;
    }
    places_[member_path] = member.place;
    ReadField(member.value, member_path, field, message);
  }
}

void MessageReader::ReadField(const SpecNode& node, const std::string& path,
                              const FieldDescriptor* field, Message* message) {
  const Reflection& reflection = *message->GetReflection();
  if (field->is_map()) return ReadOptions(node, path, message);
  if (!field->is_repeated()) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      return ReadScalar(node, path, field, message);
    }
    return ReadElement(node, path, reflection.MutableMessage(message, field));
  }
  if (node.kind != Kind::kList) {
    return Add(node.place, path,
               fmt::format("Must be a list, found {}; begin each element with `- `.", Found(node)));
  }
  reflection.ClearField(message, field);
  places_.erase(places_.upper_bound(path + "["), places_.lower_bound(path + "\\"));
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string item_path = fmt::format("{}[{}]", path, i);
    places_[item_path] = node.items[i].place;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      ReadElement(node.items[i], item_path, reflection.AddMessage(message, field));
    } else {
      ReadText(node.items[i], item_path, field, message);
    }
  }
}

// An element of a list of texts, the only lists of scalars.
void MessageReader::ReadText(const SpecNode& node, const std::string& path,
                             const FieldDescriptor* field, Message* message) {
  if (node.kind == Kind::kScalar) {
    return message->GetReflection()->AddString(message, field, node.text);
  }
  Refuse(node, path, "Must be text");
}

// A message, or what may be written short for it.
void MessageReader::ReadElement(const SpecNode& node, const std::string& path, Message* message) {
  if (auto* duration = dynamic_cast<google::protobuf::Duration*>(message)) {
    const auto ms = node.kind == Kind::kScalar ? ParseDuration(node.text) : std::nullopt;
    if (!ms) {
      return Refuse(node, path, "Must be a duration such as 500ms, 1s or 5m");
    }
    duration->set_seconds(*ms / 1000);
    duration->set_nanos(static_cast<int32_t>(*ms % 1000 * 1'000'000));
    return;
  }
  if (auto* column = dynamic_cast<v1::Column*>(message); column && node.kind == Kind::kScalar) {
    column->set_column(node.text);
    return;
  }
  if (auto* component = dynamic_cast<v1::Component*>(message)) DropOldOptions(node, component);
  ReadMessage(node, path, message);
}

// The only maps of a spec are the options of components.
void MessageReader::ReadOptions(const SpecNode& node, const std::string& path, Message* message) {
  if (node.kind != Kind::kMap) {
    return Refuse(node, path, "Must hold options as `name: value`");
  }
  auto& options = *static_cast<v1::Component*>(message)->mutable_options();
  for (const SpecMember& member : node.members) {
    const std::string member_path = JoinField(path, member.key);
    if (member.value.kind == Kind::kNull) continue;
    places_[member_path] = member.place;
    if (const auto text = OptionText(member.value)) {
      options[member.key] = *text;
    } else {
      Add(member.place, member_path,
          "Must be one value or a list of values; options are not nested.");
    }
  }
}

void MessageReader::ReadScalar(const SpecNode& node, const std::string& path,
                               const FieldDescriptor* field, Message* message) {
  const Reflection& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (node.kind != Kind::kScalar) return Refuse(node, path, "Must be text");
      if (node.text.empty() && !MayBeEmpty(*field)) {
        return Add(node.place, path, "Must not be empty; leave it out for its default.");
      }
      return reflection.SetString(message, field, node.text);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (node.kind == Kind::kScalar && (node.text == "true" || node.text == "false")) {
        return reflection.SetBool(message, field, node.text == "true");
      }
      return Refuse(node, path, "Must be true or false");
    case FieldDescriptor::CPPTYPE_INT32:
      if (const auto value = Integer<int32_t>(node, path)) {
        reflection.SetInt32(message, field, *value);
      }
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      if (const auto value = Integer<int64_t>(node, path)) {
        reflection.SetInt64(message, field, *value);
      }
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      if (const auto value = Integer<uint64_t>(node, path)) {
        reflection.SetUInt64(message, field, *value);
      }
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const auto value = node.kind == Kind::kScalar ? ParseDouble(node.text) : std::nullopt;
      if (value) return reflection.SetDouble(message, field, *value);
      return Refuse(node, path, "Must be a finite number such as 0.2");
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(node, path, field, message);
    default:
      return Add(node.place, path, "Cannot be set from text.");
  }
}

void MessageReader::ReadEnum(const SpecNode& node, const std::string& path,
                             const FieldDescriptor* field, Message* message) {
  const EnumDescriptor& type = *field->enum_type();
  std::vector<std::string> known;
  for (int i = 1; i < type.value_count(); ++i) {  // 0 is UNSPECIFIED: nobody writes that
    known.push_back(EnumText(type, i));
    if (node.kind == Kind::kScalar && node.text == known.back()) {
      return message->GetReflection()->SetEnumValue(message, field, type.value(i)->number());
    }
  }
  Refuse(node, path, fmt::format("Must be one of {}", fmt::join(known, ", ")));
}

template <class Int>
std::optional<Int> MessageReader::Integer(const SpecNode& node, const std::string& path) {
  const std::string& text = node.text;
  const bool negative = text.starts_with('-');
  const bool is_number = node.kind == Kind::kScalar && text.size() > (negative ? 1U : 0U) &&
                         text.find_first_not_of("0123456789", negative) == std::string::npos;
  if (!is_number) {
    Refuse(node, path, "Must be a whole number such as 1000");
    return std::nullopt;
  }
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Refuse(node, path,
           fmt::format("Must lie between {} and {}", std::numeric_limits<Int>::min(),
                       std::numeric_limits<Int>::max()));
    return std::nullopt;
  }
  return value;
}

}  // namespace throng
