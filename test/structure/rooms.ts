// The table of rooms: who may import whom. It is the documentation; imports.test.ts holds the code to it.
// A room is a folder of src, or one of its root files. `rooms` are other rooms of src, `packages` what comes from outside.
export interface Room {
  readonly rooms: readonly string[]
  readonly packages?: readonly RegExp[]
}

const root = ['errors', 'layer', 'trace']
const core = ['bytes', 'der', 'crypto', 'pki', 'tls', 'tunnel']
const forge = /^node-forge\/lib\//
const node = /^node:/

// Sorted from the ground up: a room imports only rooms above it.
// biome-ignore format: a table
export const rooms: Readonly<Record<string, Room>> = {
  // Root files: what every room shares.
  'errors':            { rooms: [] }, // errors.ts, its sentences in error-prose.ts, its rows for Node in error-rows-node.ts
  'errors-node':       { rooms: ['errors'] },
  'explain':           { rooms: ['errors'] },
  'trace':             { rooms: ['errors'] },
  'layer':             { rooms: ['errors', 'trace'] },

  // The core: no I/O, no clock, no globals.
  'bytes':             { rooms: ['errors', 'trace'] },
  'der':               { rooms: ['errors', 'bytes'] },
  'crypto':            { rooms: ['errors', 'layer', 'bytes', 'der'], packages: [forge] },
  // What is opt-in: crypto/noble.ts and the noble-*.ts beside it. No other row may name this one.
  'crypto/noble':      { rooms: ['errors', 'layer', 'bytes', 'der', 'crypto'], packages: [/^@noble\//] },
  'pki':               { rooms: ['errors', 'layer', 'bytes', 'der', 'crypto'], packages: [forge] },
  'tls':               { rooms: [...root, 'bytes', 'crypto', 'pki'] },
  'tunnel':            { rooms: [...root, 'bytes', 'crypto'] },

  // The moving parts: streams and choices, but no runtime's nouns.
  'stream':            { rooms: [...root, 'bytes'] },
  'platform':          { rooms: ['errors', 'layer', 'bytes', 'crypto', 'stream'] },
  'dial':              { rooms: [...root, ...core, 'stream', 'platform'] },

  // What `underpass/errors` shows; defines nothing.
  'errors-door':       { rooms: ['errors', 'explain'] },

  // What all doors have in common; defines nothing.
  'door':              { rooms: [...root, 'explain', ...core, 'stream', 'platform', 'dial'] },

  // Adapters: the only rooms with runtime nouns. None imports another.
  'platform/memory':   { rooms: [...root, 'bytes', 'crypto', 'stream', 'platform', 'dial'] },
  'platform/node':     { rooms: [...root, 'errors-node', ...core, 'stream', 'platform', 'dial', 'index'], packages: [node] },
  'platform/workerd':  { rooms: [...root, 'explain', ...core, 'stream', 'platform', 'dial', 'door', 'index'], packages: [/^cloudflare:sockets$/] },
  'platform/browser':  { rooms: [...root, 'explain', ...core, 'stream', 'platform', 'dial', 'door', 'index'] },

  // What stands on top.
  'index':             { rooms: ['errors', 'layer', ...core, 'stream', 'platform', 'dial', 'door'] },
  'duplex':            { rooms: [...root, 'bytes', 'stream', 'dial'], packages: [node] },
  'gateway':           { rooms: ['errors', 'errors-node', 'error-prose', 'trace', 'bytes'], packages: [node, /^ws$/, /^pino$/, /^prom-client$/, /^smol-toml$/] },
  'presets':           { rooms: ['errors', 'errors-node', 'bytes'] },
  'proxy':             { rooms: [...root, 'errors-node', 'bytes', 'stream', 'dial', 'duplex', 'platform/node'], packages: [node] },
  'login':             { rooms: ['errors', 'errors-node', 'bytes', 'der', 'crypto', 'pki', 'dial', 'platform/node'], packages: [node, /^yaml$/] },
  'cli':               { rooms: [...root, 'errors-node', 'error-prose', 'index', ...core, 'stream', 'platform', 'dial', 'platform/node', 'duplex', 'gateway', 'login', 'presets', 'proxy'], packages: [node, /^node-forge$/, /^smol-toml$/, /^yaml$/, /^@electric-sql\/pglite/, /^pg$/] },
}

/** Names that hide what a folder is for. */
export const vagueFolders: readonly string[] = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'lib']
