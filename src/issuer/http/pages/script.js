// What the pages have with script alone: passkeys, copying, filtering a list that is whole, and times in the zone of the
// reader. All else works without, and all words are in the page.
'use strict'

// Passkeys: asks the browser for one when its form is sent, and sends the answer in a field of the form.

const bytes = (text) => {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (character) => character.charCodeAt(0))
}

const text = (buffer) => {
  const plain = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('')
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

const described = (list) => list.map((one) => ({ ...one, id: bytes(one.id) }))

const create = async (options) => {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: described(options.excludeCredentials),
    },
  })
  return {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
  }
}

const get = async (options) => {
  const used = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    },
  })
  const { clientDataJSON, authenticatorData, signature, userHandle } = used.response
  return {
    id: used.id,
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle && text(userHandle),
  }
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!window.PublicKeyCredential) continue
  form.hidden = false
  // What is hidden gets no focus when the page opens.
  form.querySelector('[autofocus]')?.focus()
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const ceremony = form.dataset.passkey === 'create' ? create : get
    const field = form.elements[form.dataset.field ?? 'response']
    try {
      field.value = JSON.stringify(await ceremony(JSON.parse(form.dataset.options)))
    } catch (error) {
      // The user has said no, or the browser has told why not: the form stays.
      return
    }
    // Not `requestSubmit`, which would come back here.
    form.submit()
  })
}

// Copying: what an element says, when its button is pressed and never otherwise. The page keeps no copy. It does not
// empty the clipboard later: by then that may hold something else, and reading it would need a permission.
for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = document.getElementById(button.dataset.copy)
  const told = document.getElementById(button.dataset.told)
  // Browsers have none on pages that others could have changed on their way.
  if (!navigator.clipboard || !source || !told) continue
  button.hidden = false
  button.addEventListener('click', async () => {
    // Empty before, so that it is read out the second time as well.
    told.textContent = ''
    try {
      await navigator.clipboard.writeText(source.innerText)
      told.textContent = told.dataset.done
    } catch (error) {
      told.textContent = told.dataset.failed
    }
  })
}

// Filtering: hides the entries of a list that do not have all the words. A list is filtered where it is long.
for (const filter of document.querySelectorAll('[data-filter]')) {
  const entries = [...document.querySelectorAll(filter.dataset.filter)]
  const [field, told] = [filter.querySelector('input'), filter.querySelector('[role=status]')]
  if (entries.length < 8) continue
  filter.hidden = false
  const plain = (words) => words.normalize('NFKC').toLocaleLowerCase()
  field.addEventListener('input', () => {
    const words = plain(field.value).split(/\s+/)
    for (const entry of entries) {
      const own = plain(entry.textContent)
      entry.hidden = !words.every((word) => own.includes(word))
    }
    const left = entries.filter((entry) => !entry.hidden).length
    const count = left === 0 ? told.dataset.none : `${left} / ${entries.length}`
    told.textContent = left === entries.length ? '' : count
  })
  // Within a form, the key sends nothing.
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') event.preventDefault()
  })
}

// Times: in the zone of the reader, with its name, as the region of the browser writes the language of the page. The page
// says UTC, which stays in the title.
const language = document.documentElement.lang
const locale = navigator.languages.find((one) => one.split('-')[0] === language) ?? language
const hour = { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' }
const day = { year: 'numeric', month: 'short', day: 'numeric', ...hour }
const forms = { day, second: { ...day, second: '2-digit' }, time: { ...hour, second: '2-digit' } }
for (const time of document.querySelectorAll('time[data-form]')) {
  const at = new Date(time.dateTime)
  if (Number.isNaN(at.getTime())) continue
  time.title = time.textContent
  time.textContent = new Intl.DateTimeFormat(locale, forms[time.dataset.form]).format(at)
}
