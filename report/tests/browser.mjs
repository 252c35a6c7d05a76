// Opens pages in a real Chromium as a reader does, and says what it saw as JSON on standard output.
// node browser.mjs HOME OUT PAGE.. : HOME has node_modules, OUT takes the screenshots and the prints.
import { createRequire } from 'node:module';
import { readFileSync, existsSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [home, out, ...pages] = process.argv.slice(2);
const require = createRequire(join(home, 'node_modules', 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { HtmlValidate, StaticConfigLoader } = require('html-validate');

// A Chromium of the machine, or the one that an npm package ships.
async function program() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const found = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const shipped = async () => (await import(require.resolve('@sparticuz/chromium'))).default.executablePath();
  return process.env.CHROMIUM ?? found.find(existsSync) ?? (await shipped());
}

const executablePath = await program();
// Whatever leaves goes to a port on which nobody listens.
const args = ['--no-sandbox', '--disable-gpu', '--proxy-server=127.0.0.1:9'];
const browser = await chromium.launch({ executablePath, args });
const seen = [];
for (const file of pages) {
  const name = basename(file, '.html');
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 500]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      const one = { page: name, colorScheme, width, messages: [], requests: [], violations: [] };
      page.on('console', (message) => one.messages.push(message.text()));
      page.on('pageerror', (error) => one.messages.push(String(error)));
      page.on('request', (request) => one.requests.push(request.url()));
      const began = performance.now();
      await page.goto(pathToFileURL(file).href);
      one.millis = Math.round(performance.now() - began);
      // The page itself is the only thing that is asked for.
      one.requests.shift();
      one.scripts = await page.evaluate(() => [...document.scripts].map((script) => script.type));
      one.report = await page.evaluate(() => JSON.parse(document.getElementById('report')?.textContent ?? '{}').schema ?? null);
      one.wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      one.styled = await page.evaluate(() => getComputedStyle(document.body).fontSize === '15px');
      await page.evaluate(axe);
      const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const nodes = (rule) => rule.nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ''}`);
      one.violations = result.violations.map((rule) => ({ id: rule.id, nodes: nodes(rule) }));
      await page.screenshot({ path: join(out, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      if (colorScheme === 'light' && width === 1280) {
        one.pdf = (await page.pdf({ path: join(out, `${name}.pdf`), format: 'A4' })).length;
        await page.emulateMedia({ media: 'print' });
        one.folded = await page.evaluate(() =>
          [...document.querySelectorAll('details table')].filter((table) => table.getBoundingClientRect().height === 0).length);
      }
      seen.push(one);
      await context.close();
    }
  }
}
const version = browser.version();
await browser.close();

const loader = new StaticConfigLoader({ extends: ['html-validate:recommended'], rules: {
  // What is about style and not about validity.
  'long-title': 'off', 'no-trailing-whitespace': 'off', 'no-inline-style': 'off', 'svg-focusable': 'off',
} });
const validator = new HtmlValidate(loader);
const validity = [];
for (const file of pages) {
  const report = await validator.validateFile(file);
  const said = report.results.flatMap((result) => result.messages.map((m) => `${m.line}:${m.column} ${m.ruleId}: ${m.message}`));
  validity.push({ page: basename(file, '.html'), said });
}
console.log(JSON.stringify({ browser: version, seen, validity }));
