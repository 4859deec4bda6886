// Prints where a browser must go, and reads from the next line of stdin where it came back to.

import { createInterface } from 'node:readline/promises'

export async function callback(url) {
  console.log(JSON.stringify({ open: url.href }))
  const lines = createInterface({ input: process.stdin })
  for await (const line of lines) {
    lines.close()
    return new URL(line)
  }
  throw new Error('nobody came back')
}
