#include "server/inspection/verify_source.h"

#include <utility>

#include "server/control/status.h"
#include "server/inspection/input_roots.h"

namespace throng {
namespace {

absl::Status Refuse(const std::string& field, const std::string& sentence,
                    const Inspection& inspection) {
  inspection.problems->push_back({field, sentence});
  return absl::InvalidArgumentError(sentence);
}

absl::Status CheckRoots(const VerifySource& source, const std::string& field,
                        const Inspection& inspection) {
  const auto problem =
      OutsideInputRoots(*source.component, source.options.values(), source.place.pieces,
                        inspection.environment, field + ".source");
  return problem ? Refuse(problem->field, problem->message, inspection) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<VerifySource> MakeVerifySource(const v1::DataSource& source,
                                              const std::string& field,
                                              const Inspection& inspection) {
  const v1::Component& asked = source.source();
  const auto component = inspection.catalogue.Find(Role::kSource, asked.component());
  if (!component.ok()) {
    return Refuse(field + ".source.component", MessageOf(component.status()), inspection);
  }
  VerifySource made;
  made.component = *component;
  Problems problems;
  made.options = OptionValues::Parse(**component, {asked.options().begin(), asked.options().end()},
                                     field + ".source", inspection.now_ms, &problems,
                                     inspection.environment.source_roots);
  if (!problems.empty()) {
    inspection.problems->insert(inspection.problems->end(), problems.begin(), problems.end());
    return absl::InvalidArgumentError(ToString(problems));
  }
  if (absl::Status status = CheckRoots(made, field, inspection); !status.ok()) return status;
  auto created = Source::Create(**component, inspection.environment, made.options.values());
  if (!created.ok()) return created.status();
  made.source = *std::move(created);
  made.is_messages = (*component)->source.modes == THRONG_RECORDS_MESSAGES;
  return made;
}

absl::Status VerifySource::Open(const std::string& field, const Inspection& inspection) {
  throng_start start{};
  start.struct_size = sizeof start;
  auto opened = source->Open(start);
  if (!opened.ok()) return opened.status();
  place = *std::move(opened);
  return CheckRoots(*this, field, inspection);
}

}  // namespace throng
