// A source of what is to be verified, opened.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/host/option_values.h"
#include "server/host/readers.h"
#include "server/inspection/inspection.h"
#include "throng/v1/inspection.pb.h"

namespace throng {

struct VerifySource {
  // From its start to its end as it is now. Of the request, `field` is "sources[0]".
  absl::Status Open(const std::string& field, const Inspection& inspection);

  const Component* component = nullptr;
  OptionValues options;
  std::unique_ptr<Source> source;
  OpenedPlace place;
  bool is_messages = false;
};

// Not yet open.
absl::StatusOr<VerifySource> MakeVerifySource(const v1::DataSource& source,
                                              const std::string& field,
                                              const Inspection& inspection);

}  // namespace throng
