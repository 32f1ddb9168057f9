// A node-forge digest as a synchronous hash with HMAC (RFC 2104). node-forge works on binary strings; they stay inside this
// file.
/// <reference path="./node-forge.d.ts" />
import { type Bytes, latin1 } from '../bytes/index.js'
import type { Hash, HashName, RunningHash } from './provider.js'

/** `length` and `blockLength` in bytes. */
export function forgeHash(
  name: HashName,
  length: number,
  blockLength: number,
  make: () => ForgeDigest,
): Hash {
  // One digest object serves every one-shot call: making one costs as much as hashing a short message.
  let shared: ForgeDigest | undefined
  const fresh = (): ForgeDigest => (shared ??= make()).start()

  return {
    name,
    length,
    create(): RunningHash {
      const state = make()
      return {
        update: (data) => absorb(state, data),
        digest: () => finish(state),
      }
    },
    digest(data) {
      const state = fresh()
      absorb(state, data)
      return finish(state)
    },
    hmac(key, ...parts) {
      const pad = new Uint8Array(blockLength)
      pad.set(key.length > blockLength ? this.digest(key) : key)
      for (let i = 0; i < blockLength; i++) pad[i]! ^= 0x36
      const state = fresh()
      absorb(state, pad)
      for (const part of parts) absorb(state, part)
      const inner = state.digest().bytes()
      for (let i = 0; i < blockLength; i++) pad[i]! ^= 0x36 ^ 0x5c
      state.start()
      absorb(state, pad)
      state.update(inner)
      return finish(state)
    },
  }
}

function absorb(state: ForgeDigest, data: Uint8Array): void {
  // In slices: fromCharCode takes its bytes as arguments, and engines bound those. `apply` reads a typed array without
  // the iterator that spreading would run.
  for (let i = 0; i < data.length; i += 4096) {
    const slice = data.length <= 4096 ? data : data.subarray(i, i + 4096)
    state.update(String.fromCharCode.apply(null, slice as unknown as number[]))
  }
}

function finish(state: ForgeDigest): Bytes {
  return latin1(state.digest().bytes())
}
