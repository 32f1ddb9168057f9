// SHA-1 of node-forge, by itself: this file is what the build replaces by the same digest on a smaller buffer
// (scripts/forge-digests.ts).
/// <reference path="./node-forge.d.ts" />
export { default as sha1 } from 'node-forge/lib/sha1.js'
