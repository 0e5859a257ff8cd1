// Settings -> what each component is made with. The one place that knows which setting is whose.
//
// Threads  pure functions
#pragma once

#include <string>

#include "dualsync/config/settings.h"
#include "dualsync/model/scope.h"
#include "dualsync/pipeline/context.h"
#include "dualsync/queue/queue_types.h"

namespace dualsync {

QueueOptions queue_options(const Settings& settings);
PipelineOptions pipeline_options(const Settings& settings, const std::string& data_dir_trouble);
// The databases are those that the two URIs name; empty: none.
ScopeOptions scope_options(const Settings& settings, const std::string& local_db, const std::string& backup_db);

}  // namespace dualsync
