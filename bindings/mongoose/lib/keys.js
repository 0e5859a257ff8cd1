// Which documents a filter names, and how a key is written for the daemon.
'use strict';

const OBJECT_ID_BYTES = 12;
const OF_OBJECT_ID = Buffer.from([22, 0, 0, 0, 7, 0x5f, 0x69, 0x64, 0]); // length, type, `_id`

// What nearly all keys are, without the serialiser: it runs before the application gets its result.
function keyOfObjectId(bytes) {
  const key = Buffer.alloc(OF_OBJECT_ID.length + OBJECT_ID_BYTES + 1);
  key.set(OF_OBJECT_ID);
  key.set(bytes, OF_OBJECT_ID.length);
  return key.toString('base64');
}

/**
 * The exact bytes of {_id: id}, so that no conversion can change its type.
 * @param {object} BSON of the driver that Mongoose uses: its classes are the ones that the ids are of
 */
function keyOf(BSON, id) {
  if (id?._bsontype === 'ObjectId' && id.id?.length === OBJECT_ID_BYTES && typeof id.id !== 'string')
    return keyOfObjectId(id.id);
  return Buffer.from(BSON.serialize({ _id: id })).toString('base64');
}

function isOperators(value) {
  if (value === null || typeof value !== 'object') return false;
  const proto = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== null) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => name.startsWith('$'));
}

/** Whether equality with it is with one value only: under a collation a text matches other texts. */
function isExact(value, collation) {
  if (value instanceof RegExp) return false;
  if (!collation) return true;
  if (value === null || typeof value !== 'object') return typeof value !== 'string';
  return value._bsontype !== undefined || value instanceof Date || ArrayBuffer.isView(value);
}

/**
 * The ids that a filter can match at most; null: it may match any document.
 * @param {object} [collation] of the operation
 */
function idsOf(filter, collation) {
  if (!filter || typeof filter !== 'object' || filter._id === undefined) return null;
  const id = filter._id;
  const ids = !isOperators(id) ? [id] : '$eq' in id ? [id.$eq] : Array.isArray(id.$in) ? id.$in : null;
  return ids?.every((one) => isExact(one, collation)) ? ids : null;
}

module.exports = { keyOf, idsOf };
