#include "dualsync/model/local_identity.h"

namespace dualsync {

std::string LocalIdentity::to_string() const {
  std::string text = set_name.empty() ? "standalone" : "replica set " + set_name;
  if (!set_id.empty()) text += " (" + set_id + ")";
  text += marker.empty() ? ", no marker" : ", marker " + marker + " at " + std::to_string(mark);
  return text;
}

std::optional<std::string> why_not_same(const LocalIdentity& known, const FoundLocal& found) {
  const LocalIdentity& now = found.identity;
  if (!known.marker.empty() && found.marker_known) {
    if (now.marker.empty()) return "our marker is missing there: a new or emptied disk?";
    if (now.marker != known.marker) return "it carries the marker of another installation: another machine?";
    if (now.mark < known.mark) {
      return "our marker there stands at " + std::to_string(now.mark) + " and had reached " +
             std::to_string(known.mark) + ": an older copy of the data?";
    }
  }
  if (!known.set_id.empty() && !now.set_id.empty() && known.set_id != now.set_id)
    return "it is another replica set of the name " + now.set_name + ": set up anew?";
  if (!known.set_name.empty() && known.set_name != now.set_name)
    return "its replica set is named " + (now.set_name.empty() ? "nothing" : now.set_name);
  return std::nullopt;
}

}  // namespace dualsync
