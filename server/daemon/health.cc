#include "server/daemon/health.h"

#include <utility>

namespace throng {

void Health::Set(const std::string& part, const std::string& trouble) {
  const std::lock_guard lock(mutex_);
  const auto known = troubles_.find(part);
  if (trouble == (known == troubles_.end() ? "" : known->second)) return;
  if (trouble.empty()) {
    troubles_.erase(known);
  } else {
    troubles_[part] = trouble;
  }
  if (on_change_) on_change_(troubles_);
}

std::map<std::string, std::string> Health::Troubles() const {
  const std::lock_guard lock(mutex_);
  return troubles_;
}

void Health::OnChange(std::function<void(const std::map<std::string, std::string>&)> call) {
  const std::lock_guard lock(mutex_);
  on_change_ = std::move(call);
  if (on_change_) on_change_(troubles_);
}

}  // namespace throng
