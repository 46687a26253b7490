;; Emacs with Eglot as the editor of a language server: LANGUAGE_SERVER='["deno", …]' emacs --batch -l eglot.el

(setq debug-on-error nil)
(package-initialize)
(require 'eglot)
(require 'json)

(defun show (feature value)
  (princ (concat (json-serialize (vector feature value)) "\n")))

(defun wait-for (what condition)
  (let ((end (+ (float-time) 30)))
    (while (not (funcall condition))
      (when (> (float-time) end) (error "Waited in vain for %s" what))
      (accept-process-output nil 0.01))))

(define-derived-mode landline-mode text-mode "Landline")
(add-to-list 'eglot-server-programs
             (cons 'landline-mode (append (json-parse-string (getenv "LANGUAGE_SERVER")) nil)))

(defvar kinds nil)
(cl-defmethod eglot-handle-notification (_server (_method (eql $/progress)) &key value &allow-other-keys)
  (push (plist-get value :kind) kinds))

;; What it answers to workspace/configuration.
(setq-default eglot-workspace-configuration '((:landline . "the setting landline")))

;; A file that is never saved.
(find-file (expand-file-name "landline.txt" temporary-file-directory))
(insert "hello wörld\n")
(set-buffer-modified-p nil)
(landline-mode)
(apply #'eglot (eglot--guess-contact))

(let* ((server (eglot-current-server))
       (request (lambda (method params) (jsonrpc-request server method params :timeout 30)))
       (hover (lambda ()
                (plist-get (funcall request :textDocument/hover (eglot--TextDocumentPositionParams))
                           :contents))))
  (goto-char 3)
  (show "by name" (funcall hover))

  (show "error" (condition-case failure (funcall request :nope (list))
                  (jsonrpc-error (alist-get 'jsonrpc-error-code (cddr failure)))))

  (erase-buffer)
  (insert "bye, nope\n")
  (goto-char 2)
  (eglot--signal-textDocument/didChange)
  (show "notification" (funcall hover))

  (let (answers)
    (dotimes (n 100)
      (jsonrpc-async-request server :textDocument/hover (eglot--TextDocumentPositionParams)
                             :success-fn (lambda (hover) (push (plist-get hover :contents) answers))))
    (wait-for "a hundred answers" (lambda () (= (length answers) 100)))
    (show "100 at once" (apply #'vector (seq-uniq answers))))

  (funcall request :workspace/executeCommand '(:command "work" :workDoneToken "t"))
  (show "progress" (apply #'vector (reverse kinds)))

  (wait-for "a diagnostic" (lambda () (flymake-diagnostics)))
  (show "calls back" (vector (flymake-diagnostic-text (car (flymake-diagnostics)))
                             (funcall request :setting (list))))

  ;; Sends `shutdown` with the params null, then `exit`.
  (eglot-shutdown server)
  (set-buffer-modified-p nil))
