package address_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/takedown/address"
)

func platforms(t testing.TB) *catalogue.Platforms {
	t.Helper()
	set, err := catalogue.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	return set.Platforms
}

const (
	profile = catalogue.ToProfile
	post    = catalogue.ToPost
	message = catalogue.ToMessage
	short   = catalogue.ToShort
	unknown = catalogue.ToUnknown
)

// want is what a link leads to.
type want struct {
	link          string
	kind          catalogue.AddressKind
	account, item string
	normal        string
}

// each wants every link to be the platform's, as it is given, as the host of a phone and without a scheme
// gives it, and again from its normal form.
func each(t *testing.T, platform string, all []want) {
	p := platforms(t)
	for _, c := range all {
		got := address.Recognise(p, c.link)
		if got.Platform != platform || got.Kind != c.kind || got.Account != c.account || got.Item != c.item || got.Address != c.normal || len(got.Troubles) > 0 {
			t.Errorf("%s\n got %s %s account %q item %q %s %v\nwant %s %s account %q item %q %s",
				c.link, got.Platform, got.Kind, got.Account, got.Item, got.Address, got.Troubles, platform, c.kind, c.account, c.item, c.normal)
		}
		again := address.Recognise(p, c.normal)
		if again.Platform != platform || again.Kind != c.kind || again.Item != c.item || again.Address != c.normal {
			t.Errorf("%s, read again, is %s %s %q %s", c.normal, again.Platform, again.Kind, again.Item, again.Address)
		}
		if c.kind == unknown {
			continue // of what is not recognised the host stays as it was written
		}
		bare := strings.TrimPrefix(strings.TrimPrefix(c.link, "https://"), "www.")
		for _, said := range []string{bare, "regarde ça (" + c.link + ") stp", "Regarde : " + bare + " !!", "http://" + bare} {
			if got := address.Recognise(p, said); got.Address != c.normal || got.Kind != c.kind {
				t.Errorf("%q is %s %s, want %s", said, got.Kind, got.Address, c.normal)
			}
		}
	}
}

func TestSnapchat(t *testing.T) {
	each(t, "snapchat", []want{
		{"https://www.snapchat.com/add/Lea.2010?share_id=abc&locale=fr-FR", profile, "lea.2010", "", "https://www.snapchat.com/add/lea.2010"},
		{"https://snapchat.com/@lea_2010", profile, "lea_2010", "", "https://www.snapchat.com/add/lea_2010"},
		{"https://story.snapchat.com/@lea_2010", profile, "lea_2010", "", "https://www.snapchat.com/add/lea_2010"},
		{"https://www.snapchat.com/spotlight/W7_EDlXWTBiXAEEniNoMPwAAY?share_id=x", post, "", "W7_EDlXWTBiXAEEniNoMPwAAY", "https://www.snapchat.com/spotlight/W7_EDlXWTBiXAEEniNoMPwAAY"},
		{"https://www.snapchat.com/@lea_2010/spotlight/W7_EDlX", post, "lea_2010", "W7_EDlX", "https://www.snapchat.com/spotlight/W7_EDlX"},
		{"https://story.snapchat.com/p/3d8e-11/2077", post, "", "3d8e-11/2077", "https://www.snapchat.com/p/3d8e-11/2077"},
		{"https://t.snapchat.com/1Ab2Cd3E", short, "", "1Ab2Cd3E", "https://t.snapchat.com/1Ab2Cd3E"},
		{"https://help.snapchat.com/hc/fr", unknown, "", "", "https://help.snapchat.com/hc/fr"},
	})
}

func TestTikTok(t *testing.T) {
	each(t, "tiktok", []want{
		{"https://www.tiktok.com/@Lea.2010?_t=ZS-8&_r=1", profile, "lea.2010", "", "https://www.tiktok.com/@lea.2010"},
		{"https://www.tiktok.com/@lea.2010/video/7106594312292453675?is_from_webapp=1&sender_device=pc", post, "lea.2010", "7106594312292453675", "https://www.tiktok.com/@lea.2010/video/7106594312292453675"},
		{"https://m.tiktok.com/@lea.2010/photo/7106594312292453675", post, "lea.2010", "7106594312292453675", "https://www.tiktok.com/@lea.2010/photo/7106594312292453675"},
		{"https://m.tiktok.com/v/6606727368545406213.html?u_code=1", post, "", "6606727368545406213", "https://www.tiktok.com/embed/v2/6606727368545406213"},
		{"https://www.tiktok.com/embed/v2/6606727368545406213", post, "", "6606727368545406213", "https://www.tiktok.com/embed/v2/6606727368545406213"},
		{"https://www.tiktok.com/@lea.2010/live?enter_from=x", post, "lea.2010", "", "https://www.tiktok.com/@lea.2010/live"},
		{"https://vm.tiktok.com/ZMabc123/", short, "", "ZMabc123", "https://vm.tiktok.com/ZMabc123"},
		{"https://vt.tiktok.com/ZSabc123/", short, "", "ZSabc123", "https://vt.tiktok.com/ZSabc123"},
		{"https://www.tiktok.com/t/ZTRabc123/", short, "", "ZTRabc123", "https://www.tiktok.com/t/ZTRabc123"},
		{"https://www.tiktok.com/tag/fyp", unknown, "", "", "https://www.tiktok.com/tag/fyp"},
	})
}

func TestInstagram(t *testing.T) {
	each(t, "instagram", []want{
		{"https://www.instagram.com/Lea_2010_/?igsh=MXh0dGdnc3gyNnh2cA==", profile, "lea_2010_", "", "https://www.instagram.com/lea_2010_"},
		{"https://instagram.com/lea.2010/reels/", profile, "lea.2010", "", "https://www.instagram.com/lea.2010"},
		{"https://www.instagram.com/p/CxYz-1_AbCd/?img_index=2&igshid=abc", post, "", "CxYz-1_AbCd", "https://www.instagram.com/p/CxYz-1_AbCd"},
		{"https://www.instagram.com/reel/CxYz-1_AbCd/?utm_source=ig_web_copy_link", post, "", "CxYz-1_AbCd", "https://www.instagram.com/p/CxYz-1_AbCd"},
		{"https://www.instagram.com/lea.2010/p/CxYz-1_AbCd/", post, "lea.2010", "CxYz-1_AbCd", "https://www.instagram.com/p/CxYz-1_AbCd"},
		{"https://www.instagram.com/p/CxYz-1_AbCd/embed/captioned/?cr=1", post, "", "CxYz-1_AbCd", "https://www.instagram.com/p/CxYz-1_AbCd"},
		{"https://www.instagram.com/p/CxYz/c/18000000000000001/", post, "", "CxYz/18000000000000001", "https://www.instagram.com/p/CxYz/c/18000000000000001"},
		{"https://www.instagram.com/stories/lea.2010/3141592653589793238/", post, "lea.2010", "3141592653589793238", "https://www.instagram.com/stories/lea.2010/3141592653589793238"},
		{"https://www.instagram.com/stories/highlights/17900000000000001/", post, "", "17900000000000001", "https://www.instagram.com/stories/highlights/17900000000000001"},
		{"https://www.instagram.com/direct/t/340282366841710300949128/", message, "", "340282366841710300949128", "https://www.instagram.com/direct/t/340282366841710300949128"},
		{"https://ig.me/m/lea.2010", message, "lea.2010", "", "https://ig.me/m/lea.2010"},
		{"https://ig.me/j/AbY3/", message, "", "AbY3", "https://ig.me/j/AbY3"},
		{"https://www.instagram.com/share/reel/BAK1x", short, "", "BAK1x", "https://www.instagram.com/share/reel/BAK1x"},
		{"https://instagr.am/p/CxYz/", post, "", "CxYz", "https://www.instagram.com/p/CxYz"},
		{"https://www.instagram.com/explore/tags/x/", unknown, "", "", "https://www.instagram.com/explore/tags/x/"},
		{"https://www.instagram.com/accounts/login/?next=%2Flea%2F", unknown, "", "", "https://www.instagram.com/accounts/login/?next=%2Flea%2F"},
		{"https://help.instagram.com/3237561506542117", unknown, "", "", "https://help.instagram.com/3237561506542117"},
	})
}

func TestFacebook(t *testing.T) {
	each(t, "facebook", []want{
		{"https://www.facebook.com/lea.dupont.10?mibextid=wwXIfr", profile, "lea.dupont.10", "", "https://www.facebook.com/lea.dupont.10"},
		{"https://fr-fr.facebook.com/lea.dupont.10/about", profile, "lea.dupont.10", "", "https://www.facebook.com/lea.dupont.10"},
		{"https://m.facebook.com/profile.php?id=100004857890123&fref=nf", profile, "100004857890123", "", "https://www.facebook.com/profile.php?id=100004857890123"},
		{"https://www.facebook.com/people/Lea-Dupont/100004857890123/", profile, "100004857890123", "", "https://www.facebook.com/profile.php?id=100004857890123"},
		{"https://www.facebook.com/groups/123456789012345/", profile, "123456789012345", "", "https://www.facebook.com/groups/123456789012345"},
		{"https://www.facebook.com/lea.dupont.10/posts/pfbid02AbCd?__cft__[0]=x&__tn__=y", post, "lea.dupont.10", "pfbid02AbCd", "https://www.facebook.com/lea.dupont.10/posts/pfbid02AbCd"},
		{"https://mbasic.facebook.com/story.php?story_fbid=pfbid0Ab&id=100004857890123&eav=x", post, "100004857890123", "pfbid0Ab", "https://www.facebook.com/permalink.php?story_fbid=pfbid0Ab&id=100004857890123"},
		{"https://www.facebook.com/lea.dupont.10/posts/10158?comment_id=987", post, "lea.dupont.10", "10158", "https://www.facebook.com/lea.dupont.10/posts/10158?comment_id=987"},
		{"https://www.facebook.com/groups/1234/permalink/5678/", post, "1234", "5678", "https://www.facebook.com/groups/1234/posts/5678"},
		{"https://www.facebook.com/photo/?fbid=10158&set=a.1", post, "", "10158", "https://www.facebook.com/photo.php?fbid=10158"},
		{"https://www.facebook.com/watch/?v=10158&ref=sharing", post, "", "10158", "https://www.facebook.com/watch?v=10158"},
		{"https://www.facebook.com/lea.dupont.10/videos/titre/10158/", post, "lea.dupont.10", "10158", "https://www.facebook.com/watch?v=10158"},
		{"https://www.facebook.com/reel/10158", post, "", "10158", "https://www.facebook.com/reel/10158"},
		{"https://www.facebook.com/share/1YxwPSZJfw/?mibextid=x", short, "", "1YxwPSZJfw", "https://www.facebook.com/share/1YxwPSZJfw"},
		{"https://www.facebook.com/share/p/1YxwPSZJfw/", short, "", "1YxwPSZJfw", "https://www.facebook.com/share/p/1YxwPSZJfw"},
		{"https://fb.watch/aBcD1-xYz/", short, "", "aBcD1-xYz", "https://fb.watch/aBcD1-xYz"},
		{"https://www.messenger.com/t/100004857890123", message, "", "100004857890123", "https://www.facebook.com/messages/t/100004857890123"},
		{"https://m.me/lea.dupont.10", message, "lea.dupont.10", "", "https://m.me/lea.dupont.10"},
		{"https://m.me/j/AbYxQ/", message, "", "AbYxQ", "https://m.me/j/AbYxQ"},
		{"https://www.facebook.com/help/1380418588640631", unknown, "", "", "https://www.facebook.com/help/1380418588640631"},
	})
}

func TestWhatsApp(t *testing.T) {
	each(t, "whatsapp", []want{
		{"https://wa.me/33612345678?text=salut", profile, "33612345678", "", "https://wa.me/33612345678"},
		{"https://api.whatsapp.com/send?phone=%2B33612345678&text=x", profile, "33612345678", "", "https://wa.me/33612345678"},
		{"https://api.whatsapp.com/send/?phone=33612345678", profile, "33612345678", "", "https://wa.me/33612345678"},
		{"https://chat.whatsapp.com/GaBcDeFgHiJkLmNoPqRsTu", message, "", "GaBcDeFgHiJkLmNoPqRsTu", "https://chat.whatsapp.com/GaBcDeFgHiJkLmNoPqRsTu"},
		{"https://whatsapp.com/channel/0029VaDK8ZUDjiOhwFS1cP2j", profile, "0029VaDK8ZUDjiOhwFS1cP2j", "", "https://www.whatsapp.com/channel/0029VaDK8ZUDjiOhwFS1cP2j"},
		{"https://www.whatsapp.com/channel/0029VaDK8ZUDjiOhwFS1cP2j/123", post, "0029VaDK8ZUDjiOhwFS1cP2j", "123", "https://www.whatsapp.com/channel/0029VaDK8ZUDjiOhwFS1cP2j/123"},
		{"https://wa.me/message/ABCDEF123456A1", short, "", "ABCDEF123456A1", "https://wa.me/message/ABCDEF123456A1"},
	})
}

func TestYouTube(t *testing.T) {
	each(t, "youtube", []want{
		{"https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42s&pp=x&si=y", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://www.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ&feature=youtu.be", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://youtu.be/dQw4w9WgXcQ?si=abc", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://m.youtube.com/shorts/dQw4w9WgXcQ", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?rel=0", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://music.youtube.com/watch?v=dQw4w9WgXcQ&list=RD", post, "", "dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ"},
		{"https://www.youtube.com/watch?v=dQw4w9WgXcQ&lc=UgxA1.9b", post, "", "dQw4w9WgXcQ/UgxA1.9b", "https://www.youtube.com/watch?v=dQw4w9WgXcQ&lc=UgxA1.9b"},
		{"https://www.youtube.com/post/UgkxAbC", post, "", "UgkxAbC", "https://www.youtube.com/post/UgkxAbC"},
		{"https://www.youtube.com/playlist?list=PLabc_1", post, "", "PLabc_1", "https://www.youtube.com/playlist?list=PLabc_1"},
		{"https://www.youtube.com/@L%C3%A9a-Dupont/videos", profile, "léa-dupont", "", "https://www.youtube.com/@l%C3%A9a-dupont"},
		{"https://www.youtube.com/channel/UCuAXFkgsw1L7xaCfnd5JJOw/about", profile, "UCuAXFkgsw1L7xaCfnd5JJOw", "", "https://www.youtube.com/channel/UCuAXFkgsw1L7xaCfnd5JJOw"},
		{"https://www.youtube.com/feed/trending", unknown, "", "", "https://www.youtube.com/feed/trending"},
	})
}

func TestDiscord(t *testing.T) {
	each(t, "discord", []want{
		{"https://discord.gg/JE54h9trxm?event=1", message, "", "JE54h9trxm", "https://discord.gg/JE54h9trxm"},
		{"https://discordapp.com/invite/JE54h9trxm", message, "", "JE54h9trxm", "https://discord.gg/JE54h9trxm"},
		{"https://ptb.discord.com/channels/111111111111111111/222222222222222222/333333333333333333", message, "", "111111111111111111/222222222222222222/333333333333333333", "https://discord.com/channels/111111111111111111/222222222222222222/333333333333333333"},
		{"https://discord.com/channels/@me/222222222222222222/333333333333333333", message, "", "222222222222222222/333333333333333333", "https://discord.com/channels/@me/222222222222222222/333333333333333333"},
		{"https://discord.com/users/444444444444444444", profile, "444444444444444444", "", "https://discord.com/users/444444444444444444"},
		{"https://media.discordapp.net/attachments/1/2/photo.png?ex=6a&is=6b&hm=6c&width=400", message, "", "1/2/photo.png", "https://cdn.discordapp.com/attachments/1/2/photo.png?ex=6a&is=6b&hm=6c"},
		{"https://discord.com/safety", unknown, "", "", "https://discord.com/safety"},
	})
}

func TestGamesAndConsoles(t *testing.T) {
	each(t, "roblox", []want{
		{"https://www.roblox.com/users/1234567/profile", profile, "1234567", "", "https://www.roblox.com/users/1234567/profile"},
		{"https://www.roblox.com/fr/users/1234567/profile?friendshipSourceType=x", profile, "1234567", "", "https://www.roblox.com/users/1234567/profile"},
		{"https://www.roblox.com/games/920587237/Adopt-Me", post, "", "920587237", "https://www.roblox.com/games/920587237"},
		{"https://www.roblox.com/games/920587237/Adopt-Me?privateServerLinkCode=12345", message, "", "920587237/12345", "https://www.roblox.com/games/920587237?privateServerLinkCode=12345"},
		{"https://www.roblox.com/groups/3/x", profile, "3", "", "https://www.roblox.com/communities/3"},
		{"https://www.roblox.com/share?code=9be6c027b779524a961008990c5cac31&type=Server&stamp=17", short, "", "9be6c027b779524a961008990c5cac31/Server", "https://www.roblox.com/share?code=9be6c027b779524a961008990c5cac31&type=Server"},
	})
	each(t, "fortnite", []want{
		{"https://www.fortnite.com/@leacrea/1234-5678-9012?lang=fr", post, "leacrea", "1234-5678-9012", "https://www.fortnite.com/@leacrea/1234-5678-9012"},
	})
	each(t, "playstation", []want{{"https://profile.playstation.com/Lea_2010", profile, "lea_2010", "", "https://profile.playstation.com/lea_2010"}})
	each(t, "xbox", []want{
		{"https://www.xbox.com/fr-FR/play/user/Lea%20Dix", profile, "lea dix", "", "https://www.xbox.com/play/user/lea%20dix"},
		{"https://account.xbox.com/fr-fr/profile?gamertag=Lea+Dix", profile, "lea dix", "", "https://www.xbox.com/play/user/lea%20dix"},
	})
	each(t, "minecraft", []want{{"https://www.minecraft.net/fr-fr", unknown, "", "", "https://www.minecraft.net/fr-fr"}})
	each(t, "nintendo", []want{{"https://www.nintendo.com/fr-fr/", unknown, "", "", "https://www.nintendo.com/fr-fr/"}})
}

func TestX(t *testing.T) {
	each(t, "x", []want{
		{"https://twitter.com/Lea2010?s=20&t=abc", profile, "lea2010", "", "https://x.com/lea2010"},
		{"https://x.com/i/user/123456", profile, "123456", "", "https://x.com/i/user/123456"},
		{"https://twitter.com/intent/user?screen_name=Lea2010", profile, "lea2010", "", "https://x.com/lea2010"},
		{"https://mobile.twitter.com/Lea2010/status/1585341984679469056?s=46&t=x", post, "lea2010", "1585341984679469056", "https://x.com/lea2010/status/1585341984679469056"},
		{"https://x.com/Lea2010/status/1585341984679469056/photo/1", post, "lea2010", "1585341984679469056", "https://x.com/lea2010/status/1585341984679469056"},
		{"https://x.com/i/web/status/1585341984679469056", post, "", "1585341984679469056", "https://x.com/i/status/1585341984679469056"},
		{"https://platform.twitter.com/embed/Tweet.html?dnt=false&id=1585341984679469056", post, "", "1585341984679469056", "https://x.com/i/status/1585341984679469056"},
		{"https://x.com/messages/123-456", message, "", "123-456", "https://x.com/messages/123-456"},
		{"https://t.co/AbCdEf123", short, "", "AbCdEf123", "https://t.co/AbCdEf123"},
		{"https://x.com/hashtag/x", unknown, "", "", "https://x.com/hashtag/x"},
	})
}

func TestTwitch(t *testing.T) {
	each(t, "twitch", []want{
		{"https://www.twitch.tv/LeaJoue", profile, "leajoue", "", "https://www.twitch.tv/leajoue"},
		{"https://www.twitch.tv/popout/LeaJoue/chat?popout=", profile, "leajoue", "", "https://www.twitch.tv/leajoue"},
		{"https://m.twitch.tv/videos/6528877?t=5m10s", post, "", "6528877", "https://www.twitch.tv/videos/6528877"},
		{"https://player.twitch.tv/?t=5m&video=v6528877", post, "", "6528877", "https://www.twitch.tv/videos/6528877"},
		{"https://www.twitch.tv/leajoue/clip/FaintLightGullWholeWheat?filter=clips", post, "leajoue", "FaintLightGullWholeWheat", "https://clips.twitch.tv/FaintLightGullWholeWheat"},
		{"https://clips.twitch.tv/embed?clip=FaintLightGullWholeWheat", post, "", "FaintLightGullWholeWheat", "https://clips.twitch.tv/FaintLightGullWholeWheat"},
		{"https://www.twitch.tv/directory", unknown, "", "", "https://www.twitch.tv/directory"},
	})
}

func TestTelegram(t *testing.T) {
	each(t, "telegram", []want{
		{"https://t.me/Lea_Canal", profile, "lea_canal", "", "https://t.me/lea_canal"},
		{"https://t.me/s/Lea_Canal", profile, "lea_canal", "", "https://t.me/lea_canal"},
		{"https://web.telegram.org/k/#@Lea_Canal", profile, "lea_canal", "", "https://t.me/lea_canal"},
		{"https://telegram.me/Lea_Canal/1234?single", post, "lea_canal", "1234", "https://t.me/lea_canal/1234"},
		{"https://t.me/Lea_Canal/1234?comment=55", post, "lea_canal", "1234", "https://t.me/lea_canal/1234?comment=55"},
		{"https://t.me/c/1234567890/55", message, "", "1234567890/55", "https://t.me/c/1234567890/55"},
		{"https://t.me/+AbCdEfGh_ij", message, "", "AbCdEfGh_ij", "https://t.me/+AbCdEfGh_ij"},
		{"https://t.me/joinchat/AbCdEfGh_ij", message, "", "AbCdEfGh_ij", "https://t.me/+AbCdEfGh_ij"},
		{"https://telegram.org/faq", unknown, "", "", "https://telegram.org/faq"},
		{"https://t.me/addstickers/Chats", unknown, "", "", "https://t.me/addstickers/Chats"},
	})
	each(t, "bereal", []want{{"https://bere.al/Lea2010", profile, "lea2010", "", "https://bere.al/lea2010"}})
}

func TestOpenNetworks(t *testing.T) {
	each(t, "mastodon", []want{
		{"https://mastodon.social/@Lea@pouet.example", profile, "lea@pouet.example", "", "https://mastodon.social/@lea@pouet.example"},
		{"https://mastodon.social/@lea/109372843234169437", post, "lea", "109372843234169437", "https://mastodon.social/@lea/109372843234169437"},
		{"https://mastodon.social/users/lea/statuses/109372843234169437", post, "lea", "109372843234169437", "https://mastodon.social/@lea/109372843234169437"},
	})
	each(t, "bluesky", []want{
		{"https://bsky.app/profile/Lea.bsky.social", profile, "lea.bsky.social", "", "https://bsky.app/profile/lea.bsky.social"},
		{"https://bsky.app/profile/did:plc:z72i7hdynmk6r22z27h6tvur/post/3jtcz6xgs4k2c?ref_src=embed", post, "did:plc:z72i7hdynmk6r22z27h6tvur", "3jtcz6xgs4k2c", "https://bsky.app/profile/did:plc:z72i7hdynmk6r22z27h6tvur/post/3jtcz6xgs4k2c"},
		{"https://embed.bsky.app/embed/did:plc:z72i7/app.bsky.feed.post/3jtcz", post, "did:plc:z72i7", "3jtcz", "https://bsky.app/profile/did:plc:z72i7/post/3jtcz"},
		{"https://go.bsky.app/AbCdE", short, "", "AbCdE", "https://go.bsky.app/AbCdE"},
	})
	each(t, "peertube", []want{
		{"https://framatube.org/w/kkGMgK9ZtnKfYAgnEtQxbv?start=3s", post, "", "kkGMgK9ZtnKfYAgnEtQxbv", "https://framatube.org/w/kkGMgK9ZtnKfYAgnEtQxbv"},
		{"https://framatube.org/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d", post, "", "9c9de5e8-0a1e-484a-b099-e80766180a6d", "https://framatube.org/w/9c9de5e8-0a1e-484a-b099-e80766180a6d"},
		{"https://framatube.org/w/kkGMg;threadId=42", post, "", "kkGMg/42", "https://framatube.org/w/kkGMg;threadId=42"},
		{"https://framatube.org/c/lea_chaine/videos", profile, "lea_chaine", "", "https://framatube.org/c/lea_chaine"},
	})
	each(t, "lemmy", []want{
		{"https://lemmy.world/post/123456", post, "", "123456", "https://lemmy.world/post/123456"},
		{"https://lemmy.world/comment/98765", post, "", "98765", "https://lemmy.world/comment/98765"},
		{"https://lemmy.world/c/france@jlai.lu", profile, "france@jlai.lu", "", "https://lemmy.world/c/france@jlai.lu"},
	})
	each(t, "matrix", []want{
		{"https://matrix.to/#/@lea:example.org", profile, "lea:example.org", "", "https://matrix.to/#/@lea:example.org"},
		{"https://matrix.to/#/%23salon:example.org?via=example.org", message, "", "salon:example.org", "https://matrix.to/#/#salon:example.org"},
		{"https://matrix.to/#/!AbC:example.org/$event-1?via=a.example", message, "", "AbC:example.org/event-1", "https://matrix.to/#/!AbC:example.org/$event-1"},
		{"https://app.element.io/#/room/#salon:example.org", message, "", "salon:example.org", "https://matrix.to/#/#salon:example.org"},
	})
	// A server that nobody wrote down is unknown, and what it looks like is only a guess.
	p := platforms(t)
	got := address.Recognise(p, "https://pouet.example:8443/@lea/109372843234169437?x=1")
	if got.Platform != "" || !slices.Equal(got.Looks, []string{"mastodon"}) || got.Kind != post || got.Account != "lea" || got.Address != "https://pouet.example:8443/@lea/109372843234169437?x=1" {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://pouet.example/c/france"); !slices.Equal(got.Looks, []string{"peertube", "lemmy"}) {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://pouet.example/2026/11/article"); got.Looks != nil || got.Kind != unknown || !got.Found() {
		t.Errorf("%+v", got)
	}
}

// What stands around a link, what it lacks and what phones add.
func TestAsPasted(t *testing.T) {
	p := platforms(t)
	const reel = "https://www.instagram.com/p/CxYz"
	for _, text := range []string{
		reel, "  " + reel + "/ ", "<" + reel + ">", "«" + reel + "»", `"` + reel + `"`, "[vidéo](" + reel + ")", "(" + reel + ").",
		"HTTPS://WWW.INSTAGRAM.COM/p/CxYz", "http://www.instagram.com:80/p/CxYz", "https://www.instagram.com:443/p/CxYz", "https://instagram.com./p/CxYz",
		"//instagram.com/p/CxYz", "lien:instagram.com/p/CxYz", "c'est là→instagram.com/p/CxYz#comments", "👉instagram.com/p/CxYz", "www.instagram.com/p/CxYz,", "*" + reel + "*",
		"\u2068" + reel + "\u2069", "\u2068" + reel + ".\u2069", "\ufeff" + reel, reel + "?fbclid=IwAR0&utm_source=x&igsh=y", "https://www.instagram.com//p//CxYz/", "https://www.instagram.com/x/../p/CxYz",
		"https://www.instagram.com/%70/CxYz", "https://www.instagram.com/p/CxYz#:~:text=bonjour", "Salut.Regarde https://www.instagram.com/p/CxYz...et dis",
	} {
		got := address.Recognise(p, text)
		if strings.Contains(text, "...") {
			continue // three points within a word belong to it: nothing is guessed
		}
		if got.Address != reel || got.Platform != "instagram" || len(got.Troubles) > 0 {
			t.Errorf("%q is %+v", text, got)
		}
	}
	for _, text := range []string{"", "bonjour", "Salut.Voici la suite", "il m'a dit ok.la", "lea@gmail.com", "écris à lea@instagram.com", "mailto:lea@instagram.com", "ftp://instagram.com/x", "javascript:alert(1)", "12.30/14.50", "@lea_2010", "et/ou.donc", "https://", "http://?x"} {
		if got := address.Recognise(p, text); got.Found() || got.Kind != unknown {
			t.Errorf("%q is a link: %+v", text, got)
		}
	}
	if got := address.Recognise(p, "www.exemple.fr"); got.Address != "https://www.exemple.fr/" || got.Platform != "" {
		t.Errorf("%+v", got)
	}
	if got := address.Recognise(p, "exemple.fr/page"); got.Address != "https://exemple.fr/page" {
		t.Errorf("%+v", got)
	}
	// Of an unknown host everything is kept but what says who shared it.
	got := address.Recognise(p, "http://Forum.Exemple.fr:8080/Sujet.php?id=12&utm_medium=x&page=%c3%a9#message-4")
	if got.Address != "http://forum.exemple.fr:8080/Sujet.php?id=12&page=%C3%A9" || got.Host != "forum.exemple.fr" {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://appli.exemple.fr/#/profil/12"); got.Address != "https://appli.exemple.fr/#/profil/12" {
		t.Errorf("the page is found by its fragment: %+v", got)
	}
	if got = address.Recognise(p, "https://fr.wikipedia.org/wiki/Pont_(jeu)"); got.Address != "https://fr.wikipedia.org/wiki/Pont_(jeu)" {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://www.été.fr/plage"); got.Host != "www.xn--t-bjac.fr" && !strings.HasPrefix(got.Host, "www.xn--") || got.Suspicious() {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://[2001:DB8::1]:8080/x"); got.Address != "https://[2001:db8::1]:8080/x" {
		t.Errorf("%+v", got)
	}
}

// What is made to look like a platform is never taken for it, and is said to be suspicious.
func TestSuspicious(t *testing.T) {
	p := platforms(t)
	for _, c := range []struct {
		text     string
		trouble  address.Trouble
		imitates string
		host     string
	}{
		{"https://instagrаm.com/lea", address.Lookalike, "instagram", "xn--instagrm-76g.com"}, // a Cyrillic а
		{"https://xn--instagrm-76g.com/lea", address.Lookalike, "instagram", "xn--instagrm-76g.com"},
		{"instagrаm.com/lea", address.Lookalike, "instagram", "xn--instagrm-76g.com"},
		{"https://www.іnstagram.com/", address.Lookalike, "instagram", ""},
		{"https://ⅰnstagram.example/", address.Disguised, "instagram", "instagram.example"}, // browsers read ⅰ as i: not Instagram's all the same
		{"https://faceb00k.com/lea", address.Lookalike, "facebook", "faceb00k.com"},
		{"https://lnstagram.com/lea", address.Lookalike, "instagram", "lnstagram.com"},
		{"https://instagrarn.com/lea", address.Lookalike, "instagram", "instagrarn.com"},
		{"https://tik-tok.com/@lea", address.Lookalike, "tiktok", "tik-tok.com"},
		{"https://www.tìktok.com/@lea", address.Lookalike, "tiktok", ""},
		{"https://х.com/lea", address.Lookalike, "x", ""}, // Cyrillic alone
		{"https://раураl-bаnk.example/", address.MixedScript, "", ""},
		{"https://instagram.com.connexion.example/login", address.Disguised, "instagram", ""},
		{"https://instagram-com.example/login", address.Disguised, "instagram", ""},
		{"https://verify-instagram.example/login", address.Disguised, "instagram", ""},
		{"https://discord-nitro.example/x", address.Disguised, "discord", ""},
		{"https://vérifie-dïscord.example/x", address.Disguised, "discord", ""},
		{"https://instagram.com@evil.example/p/CxYz", address.Userinfo, "instagram", "evil.example"},
		{"https://evil.example\\@instagram.com/p/CxYz", address.Backslash, "", "evil.example"},
	} {
		got := address.Recognise(p, c.text)
		if got.Platform != "" || !got.Has(c.trouble) || got.Imitates != c.imitates || c.host != "" && got.Host != c.host || got.Account != "" || got.Item != "" || got.Kind != unknown {
			t.Errorf("%s is %+v", c.text, got)
		}
		if c.trouble != address.Backslash && !got.Suspicious() {
			t.Errorf("%s passes: %v", c.text, got.Troubles)
		}
	}
	// What only looks odd and leads to the platform is the platform's, with a word of warning.
	for _, c := range []struct {
		text    string
		trouble address.Trouble
		kind    catalogue.AddressKind
	}{
		{"https://instagram.com\\p\\CxYz", address.Backslash, post},
		{"https://lea:secret@instagram.com/p/CxYz", address.Userinfo, post},
		{"https://insta\u200bgram.com/p/CxYz", address.Control, post},
		{"https://instagram.com:8443/p/CxYz", address.Port, unknown},
		{"https://www.instagram.com/p/Cx…", address.CutOff, post},
		{"https://www.instagram.com/p/Cx...", address.CutOff, post},
	} {
		got := address.Recognise(p, c.text)
		if got.Platform != "instagram" || !slices.Equal(got.Troubles, []address.Trouble{c.trouble}) || got.Kind != c.kind || strings.Contains(got.Address, "lea") {
			t.Errorf("%s is %+v", c.text, got)
		}
	}
	for _, text := range []string{"https://insta%zzgram.com/x", "https://a..b/x", "https://-/\x00", "https://exemple.fr:99999/", "https://exemple.fr:abc/", "https://[::1/x", "https://exa mple.fr", "https://" + strings.Repeat("a", 64) + ".fr/"} {
		if got := address.Recognise(p, text); got.Found() && got.Host != "exa" {
			t.Errorf("%q leads somewhere: %+v", text, got)
		}
	}
	if got := address.Recognise(p, "https://exemple.fr/"+strings.Repeat("a", 5000)); got.Found() || !got.Has(address.TooLong) {
		t.Errorf("%v", got.Troubles)
	}
	// Servers of open networks and other people's sites bear a network's name rightly.
	for _, text := range []string{"https://mastodon.example/@lea", "https://matrix.example.org/x", "https://switch.example/x", "https://minecraft.fandom.com/fr", "https://www.threads.net/@lea", "https://cdn.pinimg.com/x.jpg", "https://www.lemonde.fr/", "https://lea.tumblr.com/", "https://www.cafe-rn.fr/", "https://youtu.example/x", "https://exemple.fr/instagram.com"} {
		if got := address.Recognise(p, text); len(got.Troubles) > 0 {
			t.Errorf("%s is suspected: %v", text, got.Troubles)
		}
	}
}

// An address that another one carries is what was meant; it is unwrapped once.
func TestCarried(t *testing.T) {
	p := platforms(t)
	for _, text := range []string{
		"https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.tiktok.com%2F%40lea%2Fvideo%2F71&h=AT0&__tn__=x",
		"https://www.google.com/url?sa=t&url=https://www.tiktok.com/@lea/video/71&usg=AOv",
		"https://l.instagram.com/?u=https%3A%2F%2Fwww.tiktok.com%2F%40lea%2Fvideo%2F71&e=AT1",
		"https://www.youtube.com/redirect?event=video&q=https%3A%2F%2Ftiktok.com%2F%40lea%2Fvideo%2F71",
	} {
		got := address.Recognise(p, text)
		if got.Platform != "tiktok" || got.Address != "https://www.tiktok.com/@lea/video/71" || got.Carrier == "" || got.Given != text {
			t.Errorf("%s is %+v", text, got)
		}
	}
	got := address.Recognise(p, "https://l.facebook.com/l.php?u=https%3A%2F%2Finstagr%D0%B0m.com%2Flea")
	if !got.Has(address.Lookalike) || got.Platform != "" {
		t.Errorf("what is carried is suspected too: %+v", got)
	}
	twice := "https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.google.com%2Furl%3Fq%3Dhttps%253A%252F%252Fx.com%252Flea"
	if got = address.Recognise(p, twice); !got.Has(address.Nested) || got.Platform != "facebook" || got.Kind != unknown {
		t.Errorf("%+v", got)
	}
	if got = address.Recognise(p, "https://l.facebook.com/l.php?u=bonjour"); got.Platform != "facebook" || got.Carrier != "" {
		t.Errorf("%+v", got)
	}
	// A host that no pattern names unwraps nothing.
	if got = address.Recognise(p, "https://exemple.fr/url?q=https://x.com/lea"); got.Host != "exemple.fr" {
		t.Errorf("%+v", got)
	}
}

// Many links in one paste: each once, in their order, and no more than the house takes.
func TestMany(t *testing.T) {
	p := platforms(t)
	got, left := address.All(p, `Coucou ! Voilà : https://www.instagram.com/reel/CxYz/?igsh=1
		puis instagram.com/lea.2010/p/CxYz et https://m.instagram.com/p/CxYz/, et (https://vm.tiktok.com/ZM1/)
		https://lemmy.world/post/5 https://lemmy.world/comment/5 https://www.instagram.com/Lea.2010
		https://x.com/a/status/111https://x.com/a/status/222 pas.un.lien lea@gmail.com`)
	var said []string
	for _, target := range got {
		said = append(said, target.Address)
	}
	want := []string{
		"https://www.instagram.com/p/CxYz", "https://vm.tiktok.com/ZM1", "https://lemmy.world/post/5", "https://lemmy.world/comment/5",
		"https://www.instagram.com/lea.2010", "https://x.com/a/status/111", "https://x.com/a/status/222",
	}
	if !slices.Equal(said, want) || left != 0 {
		t.Errorf("%d left, %q", left, said)
	}
	if got[0].Account != "lea.2010" || got[0].Given != "https://www.instagram.com/reel/CxYz/?igsh=1" {
		t.Errorf("folded, it is %+v", got[0])
	}
	// The account may be told first, too; two accounts are two things.
	if got, _ = address.All(p, "x.com/i/status/111 x.com/a/status/111 x.com/b/status/111"); len(got) != 2 || got[0].Account != "a" || got[1].Account != "b" {
		t.Errorf("%+v", got)
	}
	var paste strings.Builder
	for i := range 2 * address.MaxLinks {
		paste.WriteString("https://www.tiktok.com/@lea/video/" + strconv.Itoa(i/2) + "\n")
	}
	if got, left = address.All(p, paste.String()); len(got) != address.MaxLinks || left != 0 || got[address.MaxLinks-1].Item != strconv.Itoa(address.MaxLinks-1) {
		t.Errorf("%d targets, %d left", len(got), left)
	}
	paste.WriteString("https://www.tiktok.com/@lea/video/999999 https://www.tiktok.com/@lea/video/7 https://x.com/lea")
	if got, left = address.All(p, paste.String()); len(got) != address.MaxLinks || left != 2 {
		t.Errorf("%d targets, %d left, want 2", len(got), left)
	}
}

// Each trouble has a sentence in both languages.
func TestEveryTroubleHasASentence(t *testing.T) {
	for _, lang := range catalogue.Languages {
		sentences, err := os.ReadFile("../../web/i18n/address." + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, trouble := range address.Troubles {
			if !strings.Contains(string(sentences), `"address.trouble.`+string(trouble)+`"`) {
				t.Errorf("%s: %s has no sentence", lang, trouble)
			}
		}
	}
}

// Whatever is pasted, reading it never fails, and what is written down is read again as itself.
func FuzzRecognise(f *testing.F) {
	for _, text := range []string{
		"", "https://www.instagram.com/p/CxYz...", "instagrаm.com/lea", "https://l.facebook.com/l.php?u=https%3A%2F%2Fx.com%2Flea.", "http://a@b:1\\c?d#/e",
		"https://exemple.fr/ahttps://b.fr/%2e%2E/%", "https://youtube.com/@L%C3%A9a.", "https://matrix.to/#/%23s:e/$x?via", "https://t.me/+a https://t.me/+a", "https://x.com/i/status/1,",
		"https://mastodon.social/@a@b..", "https://wa.me/+33", "//bsky.app/profile/did:plc:a/post/b)", "https://[::1]/", "www.été.fr…", "https://exemple.fr/a%68ttp://b.fr", "https://e.fr/a..%2E", "http:/@0/@0", "https:/0%80000", "0.AC#!\xaa",
	} {
		f.Add(text)
	}
	p := platforms(f)
	f.Fuzz(func(t *testing.T, text string) {
		all, _ := address.All(p, text)
		for _, got := range append(all, address.Recognise(p, text)) {
			if !got.Found() {
				continue
			}
			again := address.Recognise(p, got.Address)
			if again.Address != got.Address || again.Platform != got.Platform || again.Kind != got.Kind || again.Item != got.Item || again.Imitates != got.Imitates && !got.Has(address.Userinfo) {
				t.Fatalf("%q\nis %+v\nthen %+v", text, got, again)
			}
			for _, c := range got.Address {
				if c <= ' ' || c > '~' {
					t.Fatalf("%q holds %q", got.Address, c)
				}
			}
		}
	})
}
