package httpprobe

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func TestMixed(t *testing.T) {
	for page, want := range map[string]string{
		`<img src="http://a.example/x.png">`:                                                    "img http://a.example/x.png",
		`<img src=" HTTP://a.example/x.png">`:                                                   "img HTTP://a.example/x.png",
		`<img srcset="/a.png 1x, http://a.example/b.png 2x">`:                                   "img http://a.example/b.png",
		`<source srcset="http://a.example/b.webp">`:                                             "source http://a.example/b.webp",
		`<script src="http://a.example/x.js"></script>`:                                         "script http://a.example/x.js",
		`<link rel="stylesheet" href="http://a.example/x.css">`:                                 "link http://a.example/x.css",
		`<link rel="shortcut icon" href="http://a.example/i.ico">`:                              "link http://a.example/i.ico",
		`<link rel=preload as=image imagesrcset="http://a.example/i.png 2x">`:                   "link http://a.example/i.png",
		`<iframe src="http://a.example/"></iframe>`:                                             "iframe http://a.example/",
		`<iframe srcdoc="<img src='http://a.example/x'>"></iframe>`:                             "img http://a.example/x",
		`<form action="http://a.example/login"></form>`:                                         "form http://a.example/login",
		`<button formaction="http://a.example/b">x</button>`:                                    "button http://a.example/b",
		`<video poster="http://a.example/p"><track src="http://a.example/t">`:                   "video http://a.example/p, track http://a.example/t",
		`<object data="http://a.example/o"></object>`:                                           "object http://a.example/o",
		`<base href="http://a.example/">`:                                                       "base http://a.example/",
		`<svg><image xlink:href="http://a.example/i.svg"/></svg>`:                               "image http://a.example/i.svg",
		`<p style="background: url('http://a.example/x')">`:                                     "p http://a.example/x",
		`<style>@import "http://a.example/a.css"; b{background:url(http://b.example/)}</style>`: "style http://a.example/a.css, style http://b.example/",
		`<meta http-equiv="refresh" content="0; URL=http://a.example/">`:                        "meta refresh http://a.example/",
		`<meta http-equiv=Content-Security-Policy content="img-src 'self' http:">`:              "Content-Security-Policy img-src http:",
		`<noscript><img src="http://a.example/pixel"></noscript>`:                               "img http://a.example/pixel",
		`<template><img src="http://a.example/t"></template>`:                                   "img http://a.example/t",

		"<img src='ht\ntp://a.example/x'>":                                 "img ht\ntp://a.example/x",
		`<img src="http:a.example/x">`:                                     "img http:a.example/x",
		`<meta http-equiv=refresh content="5;http://a.example/">`:          "meta refresh http://a.example/",
		`<meta http-equiv=refresh content="0, url = 'http://a.example/'">`: "meta refresh http://a.example/",

		`<meta http-equiv=refresh content="0; url=https://a.example/?u=http://b.example/">`: "",
		`<a href="http://a.example/">elsewhere</a>`:                                         "",
		`<link rel="canonical" href="http://a.example/">`:                                   "",
		`<link rel="alternate" hreflang=en href="http://a.example/">`:                       "",
		`<img src="//a.example/x"><img src="/x"><img src="https://a.example/">`:             "",
		`<!-- <img src="http://a.example/"> --><p>http://a.example/</p>`:                    "",
		`<meta property="og:url" content="http://a.example/">`:                              "",
		`<img src="https://a.example/?next=http://b.example/">`:                             "",
	} {
		t.Run(page, func(t *testing.T) {
			root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
			require.NoError(t, err)
			assert.Equal(t, want, strings.Join(mixed(root), ", "))
		})
	}
}

func TestInPolicy(t *testing.T) {
	for policy, want := range map[string]string{
		"default-src 'self'; img-src http: https:":            "Content-Security-Policy img-src http:",
		"script-src HTTP://cdn.example 'self'":                "Content-Security-Policy script-src HTTP://cdn.example",
		"default-src 'self'; report-uri http://r.example/csp": "",
		"upgrade-insecure-requests; default-src https:; ;":    "",
		"": "",
	} {
		assert.Equal(t, want, strings.Join(inPolicy(policy), ", "), policy)
	}
}

func TestInHeader(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"Link", "<http://a.example/a.css>; rel=stylesheet", "Link header http://a.example/a.css"},
		{"Link", `</b.css>; rel=preload, <HTTP://a.example/a.js>; as=script; rel="x modulepreload"`, "Link header HTTP://a.example/a.js"},
		{"Link", "<http://a.example/>; rel=canonical, <https://a.example/>; rel=preload", ""},
		{"Link", "<http://a.example/>", ""},
		{"Refresh", "0; url=http://a.example/", "Refresh header http://a.example/"},
		{"Refresh", "5; url=https://a.example/", ""},
		{"Location", "http://a.example/", ""},
	} {
		assert.Equal(t, c.want, strings.Join(inHeader(http.Header{c.name: {c.value}}), ", "), c.value)
	}
}

func TestHiddenTextShowsNothing(t *testing.T) {
	for page, want := range map[string]string{
		`<p hidden>Send</p><p>penger</p>`:                                        "penger",
		`<div style="color:red; Display : none"><p>Send</p></div>`:               "",
		`<div style="visibility:hidden">Send</div>`:                              "",
		`<div style="--display: none">Send</div>`:                                "Send",
		`<dialog>Send</dialog><dialog open>penger</dialog>`:                      "penger",
		`<iframe>Send</iframe><video>Send</video><canvas>Send</canvas>`:          "",
		`<body><noscript>Send</noscript><datalist><option>Send</datalist>penger`: "penger",
		`<details><summary>Send</summary>penger</details>`:                       "Sendpenger",
	} {
		root, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
		require.NoError(t, err)
		assert.Equal(t, want, dense(spaced(visible(root))), page)
	}
}

func TestVisible(t *testing.T) {
	const page = `<html><head><title>Send penger</title></head><body><!-- Send penger --><script>"Send penger"</script><p>Send
		<b>peng</b>er <i>hjem</i>.</p><template>Send penger nå</template></body></html>`
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	text := dense(spaced(visible(root)))
	assert.Equal(t, "Sendpengerhjem.", text)
	assert.Equal(t, "æ", "æø"[:cutAt("æø", 3)])
}
