// throng.v1.PluginService.
#include <span>
#include <string>
#include <utility>

#include "server/daemon/calls.h"
#include "server/daemon/services.h"
#include "server/spec/presets.h"
#include "throng/v1/plugin_service.grpc.pb.h"

namespace throng {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

void AddPresets(std::span<const Preset> presets, v1::PresetKind kind,
                v1::ListPresetsResponse* response) {
  for (const Preset& preset : presets) {
    v1::Preset* added = response->add_presets();
    added->set_name("presets/" + std::string(preset.name));
    added->set_kind(kind);
    added->set_doc(std::string(preset.doc));
    added->set_yaml(std::string(preset.yaml));
  }
}

class PluginService final : public v1::PluginService::CallbackService {
 public:
  PluginService(Engine* engine, CallWork* work) : engine_(engine), work_(work) {}

  Reactor* ListPlugins(Context* context, const v1::ListPluginsRequest* request,
                       v1::ListPluginsResponse* response) override {
    return AnswerOnThread(context, &work_->planning, [this, request, response](const CallContext&) {
      return Take(engine_->ListPlugins(*request), response);
    });
  }

  Reactor* GetPlugin(Context* context, const v1::GetPluginRequest* request,
                     v1::GetPluginResponse* response) override {
    return AnswerOnThread(context, &work_->planning, [this, request, response](const CallContext&) {
      return Take(engine_->GetPlugin(request->name()), response);
    });
  }

  Reactor* ValidateSpec(Context* context, const v1::ValidateSpecRequest* request,
                        v1::ValidateSpecResponse* response) override {
    return AnswerOnThread(context, &work_->planning,
                          [this, request, response](const CallContext& call) {
                            return Take(engine_->ValidateSpec(*request, call), response);
                          });
  }

  Reactor* ListPresets(Context* context, const v1::ListPresetsRequest* /*request*/,
                       v1::ListPresetsResponse* response) override {
    AddPresets(BehaviourPresets(), v1::PRESET_KIND_BEHAVIOUR, response);
    AddPresets(SizePresets(), v1::PRESET_KIND_SIZE, response);
    response->set_daemon_version(THRONG_VERSION);
    return Answer(context, absl::OkStatus());
  }

 private:
  Engine* const engine_;
  CallWork* const work_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePluginService(Engine* engine, CallWork* work) {
  return std::make_unique<PluginService>(engine, work);
}

}  // namespace throng
