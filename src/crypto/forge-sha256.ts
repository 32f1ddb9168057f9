// SHA-256 of node-forge, by itself: this file is what the build replaces by the same digest on a smaller buffer and on
// typed arrays (scripts/forge-digests.ts).
/// <reference path="./node-forge.d.ts" />
export { default as sha256 } from 'node-forge/lib/sha256.js'
