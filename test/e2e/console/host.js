/* global callFunction */
/**
 * What CloudWatch's console does with a custom widget, as far as its documentation says it: the HTML is cleaned and put
 * in, `cwdb-action` elements give the element before them what it does, and every call holds the context of the widget.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
 * Its own questions and pop-ups are elements, so that a dialog of the browser can only be somebody else's.
 */
window.host = (() => {
  const UNWANTED = 'script, iframe, use, object, embed, base, meta, link';
  const widget = document.createElement('main');
  const popup = document.createElement('dialog');
  const question = document.createElement('dialog');
  document.body.append(widget, popup, question);
  let settings;

  function clean(html) {
    const template = document.createElement('template');
    template.innerHTML = html;
    for (const element of template.content.querySelectorAll(UNWANTED)) element.remove();
    for (const element of template.content.querySelectorAll('*')) {
      for (const name of element.getAttributeNames()) if (/^on/i.test(name)) element.removeAttribute(name);
    }
    return template.content;
  }

  /** @param as `raw`: as if nothing were cleaned, to see that nothing has to be */
  function fill(place, html, as) {
    if (as === 'raw') place.innerHTML = html;
    else place.replaceChildren(clean(html));
    for (const action of place.querySelectorAll('cwdb-action')) {
      action.hidden = true;
      const element = action.previousElementSibling;
      if (element === null) throw new Error('an action without an element before it');
      element.addEventListener(action.getAttribute('event') ?? 'click', () => act(action));
    }
  }

  /** @returns whether the viewer agrees */
  function confirmed(message) {
    const text = document.createElement('p');
    text.textContent = message;
    const buttons = [true, false].map((answer) => {
      const button = document.createElement('button');
      button.textContent = answer ? 'Yes' : 'No';
      return { button, answer };
    });
    question.replaceChildren(text, ...buttons.map(({ button }) => button));
    question.showModal();
    return new Promise((done) => {
      for (const { button, answer } of buttons) {
        button.addEventListener('click', () => {
          question.close();
          done(answer);
        });
      }
    });
  }

  async function act(action) {
    const message = action.getAttribute('confirmation');
    if (message !== null && !(await confirmed(message))) return;
    if (action.getAttribute('action') !== 'call') return show(action.getAttribute('display'), action.innerHTML);
    await call(action.getAttribute('endpoint'), JSON.parse(action.textContent), action.getAttribute('display'));
  }

  function show(display, html) {
    if (display !== 'popup') return fill(widget, html, settings.as);
    fill(popup, html, settings.as);
    popup.showModal();
  }

  async function call(endpoint, parameters, display) {
    const all = {};
    for (const field of widget.querySelectorAll('input, select, textarea')) all[field.name] = field.value;
    const widgetContext = {
      dashboardName: settings.dashboard,
      widgetId: 'widget-1',
      accountId: endpoint.split(':')[4],
      locale: 'en',
      timezone: { label: 'UTC', offsetISO: '+00:00', offsetInMinutes: 0 },
      period: 300,
      isAutoPeriod: true,
      timeRange: { mode: 'relative', start: Date.now() - 3_600_000, end: Date.now(), relativeStart: 3_600_000 },
      theme: settings.theme,
      linkCharts: true,
      title: 'Targets',
      forms: { all },
      params: {},
      width: 1200,
      height: 700,
    };
    const answer = await callFunction(endpoint, JSON.stringify({ ...parameters, widgetContext }));
    if ('html' in answer) return show(display, answer.html);
    const text = document.createElement('p');
    text.textContent = answer.error;
    show(display, text.outerHTML);
  }

  return {
    /** As the dashboard does when it is opened and whenever it is refreshed. */
    refresh: () => {
      popup.close();
      return call(settings.endpoint, {}, 'widget');
    },
    open: (given) => {
      settings = given;
      return window.host.refresh();
    },
  };
})();
