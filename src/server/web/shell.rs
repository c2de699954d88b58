//! What surrounds every page: its head, the way to the others, who looks, and how pages look.

use super::{
    look::{Look, Theme},
    posted::TOKEN,
    words::Language,
};
use ::http::{
    HeaderValue, StatusCode, Uri,
    header::{CONTENT_TYPE, SET_COOKIE},
};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// The pages that there is a way to from everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Policies,
    Graph,
    Matrix,
    Try,
    Audit,
    Live,
    Difference,
    Access,
    Lists,
    Waiting,
}

impl Section {
    const ALL: [Self; 10] = [
        Self::Policies,
        Self::Graph,
        Self::Matrix,
        Self::Try,
        Self::Audit,
        Self::Live,
        Self::Difference,
        Self::Access,
        Self::Lists,
        Self::Waiting,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Policies => "/ui/policies",
            Self::Graph => "/ui/graph",
            Self::Matrix => "/ui/matrix",
            Self::Try => "/ui/try",
            Self::Audit => "/ui/audit",
            Self::Live => "/ui/live",
            Self::Difference => "/ui/difference",
            Self::Access => "/ui/access",
            Self::Lists => "/ui/lists",
            Self::Waiting => "/ui/changes",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Policies => "nav.policies",
            Self::Graph => "nav.graph",
            Self::Matrix => "nav.matrix",
            Self::Try => "nav.try",
            Self::Audit => "nav.audit",
            Self::Live => "nav.live",
            Self::Difference => "nav.difference",
            Self::Access => "nav.access",
            Self::Lists => "nav.lists",
            Self::Waiting => "nav.waiting",
        }
    }
}

/// What is around the content of a page.
#[derive(Clone)]
pub(super) struct Shell {
    pub(super) look: Look,
    /// Who looks; none of somebody without a name.
    pub(super) who: Option<String>,
    /// Whether that is known by a session, which can be ended.
    pub(super) is_session: bool,
    /// Where the page is.
    at: Uri,
    /// What ties its forms to the session.
    token: String,
    cookie: Option<HeaderValue>,
}

impl Shell {
    pub(super) const fn new(look: Look, at: Uri, token: String, cookie: Option<HeaderValue>) -> Self {
        Self { look, who: None, is_session: false, at, token, cookie }
    }

    /// A page.
    pub(super) fn page(&self, title: &str, section: Option<Section>, content: &Markup) -> Response {
        let look = self.look;
        let theme = look.theme.name();
        let markup = html! {
            (DOCTYPE)
            html lang=(look.language.tag()) data-theme=(theme) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content=(scheme(look.theme));
                    title { (title) " · policyc" }
                    link rel="icon" href="/ui/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/ui/style.css";
                    script src="/ui/script.js" defer {}
                }
                body {
                    a.skip href="#main" { (look.say("shell.skip")) }
                    header.top {
                        a.brand href="/ui" { img src="/ui/icon.svg" alt="" width="24" height="24"; "policyc" }
                        nav aria-label=(look.say("shell.pages")) {
                            ul {
                                @for other in Section::ALL {
                                    li { a href=(other.path()) aria-current=[(Some(other) == section).then_some("page")] { (look.say(other.title())) } }
                                }
                            }
                        }
                        (self.menu())
                    }
                    main #main tabindex="-1" { (content) }
                }
            }
        };
        let mut response = ([(CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string()).into_response();
        if let Some(cookie) = &self.cookie {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// A page that says why nothing was changed: somebody else was quicker.
    pub(super) fn unchanged(&self, section: Section, content: &Markup) -> Response {
        let title = self.look.say("fault.unchanged");
        let content = html! { section.fault role="alert" { h1 { (title) } (content) } };
        let mut response = self.page(title, Some(section), &content);
        *response.status_mut() = StatusCode::CONFLICT;
        response
    }

    /// Who looks, and how pages look.
    fn menu(&self) -> Markup {
        let look = self.look;
        html! {
            details.menu {
                summary { span.who { (self.who.as_deref().unwrap_or(look.say("shell.menu"))) } }
                div.sheet {
                    (self.form("/ui/look", &html! {
                        (self.back())
                        fieldset.choice {
                            legend { (look.say("shell.language")) }
                            @for language in Language::ALL {
                                button name="language" value=(language.tag()) lang=(language.tag()) aria-pressed=(language == look.language) { (language.name()) }
                            }
                        }
                    }))
                    (self.form("/ui/look", &html! {
                        (self.back())
                        fieldset.choice {
                            legend { (look.say("shell.theme")) }
                            @for theme in Theme::ALL {
                                button name="theme" value=(theme.name()) aria-pressed=(theme == look.theme) { (look.say(theme_words(theme))) }
                            }
                        }
                    }))
                    @if self.is_session {
                        (self.form("/ui/sign-out", &html! { button.wide { (look.say("shell.sign_out")) } }))
                    } @else {
                        a.button.wide href="/ui/sign-in" { (look.say("shell.sign_in")) }
                    }
                }
            }
        }
    }

    /// A form that changes something.
    pub(super) fn form(&self, to: &str, content: &Markup) -> Markup {
        html! { form method="post" action=(to) { (self.token()) (content) } }
    }

    /// The same, with files in it.
    pub(super) fn form_with_files(&self, to: &str, content: &Markup) -> Markup {
        html! { form method="post" action=(to) enctype="multipart/form-data" { (self.token()) (content) } }
    }

    /// What ties a form to the session.
    fn token(&self) -> Markup {
        html! { input type="hidden" name=(TOKEN) value=(self.token); }
    }

    /// A field that leads back to this page.
    pub(super) fn back(&self) -> Markup {
        let address = self.at.path_and_query().map_or("/ui", |at| at.as_str());
        html! { input type="hidden" name="back" value=(address); }
    }

    /// The path of the page, without fields.
    pub(super) fn path(&self) -> &str {
        self.at.path()
    }
}

const fn scheme(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

const fn theme_words(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "shell.system",
        Theme::Light => "shell.light",
        Theme::Dark => "shell.dark",
    }
}
