// Preloaded into a snippet's process: what goes to https://api.orq.ai reaches the contacts API of the test.
const { fetch } = globalThis
globalThis.fetch = (url, init) =>
  fetch(String(url).replace(/^https:\/\/api\.orq\.ai(?=\/)/, process.env.CONTACTS_API), init)
