package chat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"time"

	_ "image/gif" // the pictures we open
	_ "image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"

	"vigie/internal/fault"
)

// A picture that a stranger sent is decoded in a process of its own, which has no files, no network, no
// rights and little memory, and which ends with the picture. It answers with a small grey JPEG that
// holds nothing of the original but its shapes.

// PictureArgument is the hidden argument with which this program becomes that process.
const PictureArgument = "picture"

const (
	// maxPixels bounds what is decoded at all (ASVS 5.2.6); a decoded picture takes up to 8 bytes a pixel.
	maxPixels   = 40_000_000
	maxSide     = 20_000
	coveredSide = 320
	clearSide   = 960
	// blurredTo is to how few pixels a side a covered picture is brought: enough to tell a screenshot
	// from a photo, and no more.
	blurredTo = 14
	// middleSide is where quick scaling ends and careful scaling begins.
	middleSide = 2000
	maxPreview = 1 << 20
	pictureFor = 15 * time.Second
)

// RunPictureProcess is that process: a line that names the cover, then the picture, on stdin; the JPEG
// on stdout. It gives up its rights before it reads a byte of the picture.
func RunPictureProcess(stdin io.Reader, stdout io.Writer) error {
	debug.SetMemoryLimit(900 << 20)
	confine()
	in := bufio.NewReader(io.LimitReader(stdin, MaxFile+64))
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	picture, err := decode(data)
	if err != nil {
		return err
	}
	return jpeg.Encode(stdout, cover(picture, orientation(data), Cover(line[:len(line)-1])), &jpeg.Options{Quality: 75})
}

// decode opens a picture whose declared size is one that we accept.
func decode(data []byte) (image.Image, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maxSide || size.Height > maxSide || size.Width*size.Height > maxPixels {
		return nil, fmt.Errorf("a picture of %d × %d", size.Width, size.Height)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	return picture, err
}

// cover makes a picture small and grey, and blurs it unless it is asked for uncovered.
func cover(picture image.Image, turned int, how Cover) image.Image {
	if b := picture.Bounds(); max(b.Dx(), b.Dy()) > middleSide {
		middle := image.NewGray(fit(b, middleSide))
		draw.ApproxBiLinear.Scale(middle, middle.Bounds(), picture, b, draw.Src, nil)
		picture = middle
	}
	if how == Uncovered {
		clear := image.NewGray(fit(picture.Bounds(), clearSide))
		draw.CatmullRom.Scale(clear, clear.Bounds(), picture, picture.Bounds(), draw.Src, nil)
		return turn(clear, turned)
	}
	few := image.NewGray(fit(picture.Bounds(), blurredTo))
	draw.BiLinear.Scale(few, few.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	size := image.Rect(0, 0, few.Bounds().Dx()*coveredSide/blurredTo, few.Bounds().Dy()*coveredSide/blurredTo)
	blurred := image.NewGray(size)
	draw.BiLinear.Scale(blurred, size, few, few.Bounds(), draw.Src, nil)
	return turn(blurred, turned)
}

// fit is the size in which a picture's longer side is no longer than side.
func fit(b image.Rectangle, side int) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if longer := max(w, h); longer > side {
		w, h = w*side/longer, h*side/longer
	}
	return image.Rect(0, 0, max(w, 1), max(h, 1))
}

// turn puts a picture upright: EXIF orientations 1 to 8 (CIPA DC-008 §4.6.4).
func turn(g *image.Gray, orientation int) *image.Gray {
	if orientation < 2 || orientation > 8 {
		return g
	}
	w, h := g.Bounds().Dx(), g.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewGray(size)
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			out.SetGray(tx, ty, g.GrayAt(x, y))
		}
	}
	return out
}

// orientation reads how a JPEG was held (EXIF tag 0x0112), 1 when it does not say. It is all that is
// ever read of a picture's metadata.
func orientation(data []byte) int {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return 1
	}
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff; {
		marker, size := data[1], int(binary.BigEndian.Uint16(data[2:]))
		if size < 2 || 2+size > len(data) || marker == 0xda {
			return 1
		}
		segment := data[4 : 2+size]
		data = data[2+size:]
		if marker != 0xe1 || !bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			continue
		}
		return orientationIn(segment[6:])
	}
	return 1
}

func orientationIn(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > int64(len(tiff)) {
		return 1
	}
	count := int64(order.Uint16(tiff[at:]))
	for i := range count {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(tiff)) {
			return 1
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			return int(order.Uint16(tiff[entry+8:]))
		}
	}
	return 1
}

var errPicture = errors.New("chat: the picture could not be drawn")

// Draw shows a picture of another room's, by the same process and under the same limits.
func (c *Chats) Draw(ctx context.Context, file io.Reader, covered bool) ([]byte, error) {
	cover := Uncovered
	if covered {
		cover = Covered
	}
	return c.draw(ctx, file, cover)
}

// draw has a picture drawn by a process of its own. At most two run at a time.
func (c *Chats) draw(ctx context.Context, file io.Reader, cover Cover) ([]byte, error) {
	select {
	case c.pictures <- struct{}{}:
		defer func() { <-c.pictures }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, pictureFor)
	defer cancel()
	command := c.picture
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self, PictureArgument}
	}
	// The file is opened and checked (age authenticates it) by us; the process only gets its bytes.
	in := io.MultiReader(bytes.NewReader([]byte(string(cover)+"\n")), file)
	out, err := runConfined(ctx, command, in)
	if err != nil {
		c.slog.Info("a picture could not be drawn", "error", err)
		return nil, fault.Wrap(errPicture, fault.Unsupported, "fault.chat.no_preview")
	}
	return out, nil
}

func runConfined(ctx context.Context, command []string, in io.Reader) ([]byte, error) {
	run := func(confined bool) ([]byte, error, error) {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Env = append([]string{"GOMAXPROCS=1", "GOTRACEBACK=none"}, pictureEnv...)
		cmd.Dir = "/"
		if confined {
			apart(cmd)
		}
		cmd.WaitDelay = time.Second
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, nil, err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return nil, nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err, nil
		}
		go func() {
			io.Copy(stdin, in) // the process may end before it has read everything
			stdin.Close()
		}()
		out, err := io.ReadAll(io.LimitReader(stdout, maxPreview+1))
		if len(out) > maxPreview {
			cmd.Cancel()
			err = errPicture
		}
		err = errors.Join(err, cmd.Wait())
		if len(out) == 0 && err == nil {
			err = errPicture
		}
		return out, nil, err
	}
	out, notStarted, err := run(true)
	if notStarted != nil {
		// No namespaces here (a container, an older kernel): the process confines itself all the same.
		if out, notStarted, err = run(false); notStarted != nil {
			return nil, notStarted
		}
	}
	return out, err
}

// pictureEnv is what the tests add, so that the test program becomes the process.
var pictureEnv []string
