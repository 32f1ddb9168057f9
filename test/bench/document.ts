import type { Report } from './report.js'
export function writeDocument(_report: Report): void {}
