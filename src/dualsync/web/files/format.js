// Numbers and times in words, as `dualsync status` has them.

export const count = (value) => Math.round(value).toLocaleString("en-US");

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

// Seconds. Under a minute with a decimal, because that is where a live mirror is.
export function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const two = (value) => String(value).padStart(2, "0");
export const clock = (date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
const day = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

// An ISO time in this browser's time zone.
export function when(iso) {
  const date = new Date(iso);
  return day(date) === day(new Date()) ? clock(date) : `${day(date)} ${clock(date)}`;
}

// {t, i} or null.
export const clusterTime = (time, none) => (time ? when(time.t * 1000) : none);

// An _id out of extended JSON, short enough to read. Not exact: 1 may be an int or a long.
export function idText(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  for (const type of ["$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$oid"]) if (type in value) return value[type];
  return JSON.stringify(value);
}
export const keyText = (documentKey) => idText(documentKey._id ?? documentKey);
