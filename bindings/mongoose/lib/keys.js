// Which documents a filter names, and how a key is written for the daemon.
'use strict';

/**
 * The exact bytes of {_id: id}, so that no conversion can change its type.
 * @param {object} BSON of the driver that Mongoose uses: its classes are the ones that the ids are of
 */
function keyOf(BSON, id) {
  return Buffer.from(BSON.serialize({ _id: id })).toString('base64');
}

function isOperators(value) {
  if (value === null || typeof value !== 'object') return false;
  const proto = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => name.startsWith('$'));
}

/** The ids that a filter can match at most; null: it may match any document. */
function idsOf(filter) {
  if (!filter || typeof filter !== 'object' || filter._id === undefined) return null;
  const id = filter._id;
  if (!isOperators(id)) return id instanceof RegExp ? null : [id];
  if ('$eq' in id) return [id.$eq];
  if (Array.isArray(id.$in) && !id.$in.some((one) => one instanceof RegExp)) return id.$in;
  return null;
}

module.exports = { keyOf, idsOf };
